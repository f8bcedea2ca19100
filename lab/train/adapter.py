"""Supervised fine-tuning of a LoRA adapter on a causal language model, resumable bit for bit.

trainer = Trainer(model_folder, examples, AdapterConfig(), device=torch.device("cpu"))
finished = trainer.run(folder, stop=lambda: False)
trainer.save_adapter(folder / "adapter")
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lab.errors import UserError
from lab.models.examples import Example
from lab.train.batches import IGNORED, Batch, Bundle, Forward, bundle, collate, plan_epoch
from lab.train.config import AdapterConfig
from lab.train.loading import attaching, load_base
from lab.train.loop import Loop
from lab.train.rows import sum_over_rows
from lab.zoo.adapter import WEIGHTS, read_adapter_config


class Trainer(Loop[AdapterConfig, Forward, Batch]):
    """A model folder with a new adapter, and the plan of its training.

    Attributes:
        model: the peft model.
        steps: the forwards of every optimizer step, epochs one after the other.
    """

    def __init__(
        self,
        model: Path,
        examples: Sequence[Example],
        config: AdapterConfig,
        *,
        device: torch.device,
        validation: Sequence[Example] = (),
        name: str | None = None,
        start: Path | None = None,
    ):
        """
        Args:
            start: an adapter's folder, whose weights are trained further. It may have a lower rank and lack
                layers: what it lacks begins as in a new adapter.
            name: what the adapter's own configuration calls its base model; the folder's name by default.

        Raises:
            UserError: the model cannot be read, or `start` is no adapter of this form for it.
        """
        self.config, self.device = config, device
        self.examples, self.validation = examples, validation
        self.steps = _plan(bundle(examples, forward_tokens=config.forward_limit), config)
        self._calling = _calling(examples).to(device)
        torch.manual_seed(config.seed)
        self.model = _with_adapter(model, config, device, name or model.name)
        if start is not None:
            _take_over(start, self.model, config)
        if config.compile:
            for layer in self.model.get_base_model().get_decoder().layers:
                layer.compile(dynamic=True)
        self._begin({n: weight for n, weight in self.model.named_parameters() if weight.requires_grad})

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in peft's format: adapter_config.json and adapter_model.safetensors (float32)."""
        folder.mkdir(exist_ok=True)
        save_file({name: tensor.cpu() for name, tensor in self.adapter().items()}, folder / WEIGHTS)
        self.model.peft_config["default"].save_pretrained(str(folder))

    def adapter(self) -> dict[str, Tensor]:
        """A copy of the adapter's factors, by their names in peft's format."""
        return {name: tensor.clone() for name, tensor in _factors(self.model).items()}

    def set_adapter(self, factors: dict[str, Tensor]) -> None:
        """Replace the adapter by factors of the same names and shapes."""
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(self.model, factors)

    def loss(self, examples: Sequence[Example]) -> float:
        """Mean loss (nats) over all learnt tokens of the examples, without dropout."""
        self._mode(training=False)
        total, learnt = 0.0, 0
        with torch.no_grad():
            for batch in _all_batches(examples, self.config, self.device):
                total += self._loss(batch).item()
                learnt += batch.learnt
        return total / learnt

    def validation_loss(self) -> float | None:
        return self.loss(self.validation) if self.validation else None

    def _mode(self, training: bool) -> None:
        self.model.train(training)

    def _batches(self, step: int) -> list[Batch]:
        return [collate(self.examples, forward, self.device) for forward in self.steps[step]]

    def _loss(self, batch: Batch) -> Tensor:
        base = self.model.get_base_model()
        decoder, head = base.get_decoder(), base.get_output_embeddings()
        with self._autocast():
            hidden = decoder(
                input_ids=batch.ids, position_ids=batch.positions, use_cache=False, layout=batch.layout
            ).last_hidden_state

        def nats(some: Tensor, at: slice) -> Tensor:
            with self._autocast():
                logits = head(some)
            return self._weighted(logits.float(), batch, at)

        # The head only where there is something to learn: mostly it is the largest matrix.
        return sum_over_rows(hidden[0, batch.predicting], nats)

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.config.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def _weighted(self, logits: Tensor, batch: Batch, at: slice) -> Tensor:
        """Sum of the loss over the places `at` of those to be learnt, of their logits [N, vocabulary].

        The first token of a text says two things: that it is no call, and how it begins. -log(1 - p(call))
        is the first's share of its cross-entropy, and the rest is wording.
        """
        nats = F.cross_entropy(logits, batch.targets[at], reduction="none", ignore_index=IGNORED)
        weight, no_call_weight = self.config.text_weight, self.config.no_call_weight
        if weight == no_call_weight == 1:
            return nats.sum()
        first = logits[batch.begins[at]]
        call = (first[:, self._calling].logsumexp(-1) - first.logsumexp(-1)).exp()
        no_call = -torch.log1p(-call.clamp(max=1 - 1e-6))
        return (
            torch.where(batch.text[at], weight * nats, nats).sum() + (no_call_weight - weight) * no_call.sum()
        )


def _calling(examples: Sequence[Example]) -> Tensor:
    """The tokens, int64 [M], that begin a reply if and only if it calls a tool."""
    calls, texts = set[int](), set[int]()
    for example in examples:
        begins = example.begins()
        calls.update(example.ids[begins & ~example.text].tolist())
        texts.update(example.ids[begins & example.text].tolist())
    return torch.tensor(sorted(calls - texts), dtype=torch.long)


def _with_adapter(folder: Path, config: AdapterConfig, device: torch.device, name: str) -> Any:
    from peft import LoraConfig, get_peft_model

    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    model = load_base(folder, dtype, compiled=config.compile)
    layers = model.get_decoder().layers
    if config.frozen >= len(layers):
        raise UserError("--frozen", got=config.frozen, expected=f"less than the model's {len(layers)} layers")
    linear = {name for name, part in layers[0].named_modules() if isinstance(part, torch.nn.Linear)}
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=sorted({name.rpartition(".")[2] for name in linear}),
        layers_to_transform=list(range(config.frozen, len(layers))) if config.frozen else None,
        task_type="CAUSAL_LM",
    )
    with attaching():
        adapted = get_peft_model(model, lora)
    # peft notes where the folder lay, which means nothing on another machine.
    adapted.peft_config["default"].base_model_name_or_path = name
    return adapted.to(device)


def _take_over(adapter: Path, model: Any, config: AdapterConfig) -> None:
    from peft import set_peft_model_state_dict

    known = read_adapter_config(adapter)
    rank, alpha = known["r"], known["lora_alpha"]
    if rank > config.rank or alpha * config.rank != config.alpha * rank:
        raise UserError(
            f"--from {adapter}",
            got=f"rank {rank}, alpha {alpha}",
            expected=f"at most rank {config.rank}, and alpha {config.alpha / config.rank:g} times the rank",
            hint="Give its own --rank and --alpha, or multiples of both.",
        )
    given = read_factors(adapter)
    try:
        own = _factors(model)
        layers = {_layer(name) for name in given}
        unknown = given.keys() - own.keys()
        missing = {name for name in own if _layer(name) in layers} - given.keys()
        if unknown or missing:
            raise UserError(
                f"--from {adapter}",
                got=f"{len(missing)} matrices missing, {len(unknown)} without a place",
                expected="whole layers of an adapter of this model, none that --frozen leaves out",
            )
        set_peft_model_state_dict(model, own | {name: _widened(given[name], own[name]) for name in given})
    except RuntimeError as error:
        got = str(error).splitlines()[0]
        raise UserError(f"--from {adapter}", got=got, expected="an adapter of this model") from None


def read_factors(adapter: Path) -> dict[str, Tensor]:
    """The factors of an adapter's folder, by their names in peft's format.

    Raises:
        UserError: they cannot be read.
    """
    try:
        return load_file(adapter / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{adapter / WEIGHTS}", got=str(error), expected="an adapter's factors") from None


def _factors(model: Any) -> dict[str, Tensor]:
    """The adapter's factors themselves, by their names in peft's format."""
    from peft import get_peft_model_state_dict

    # Asked to find out for itself, peft looks the base model's name up on the hub.
    factors: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return factors


def _layer(name: str) -> str:
    """The number of the layer that a factor belongs to."""
    return name.partition(".layers.")[2].partition(".")[0]


def _widened(given: Tensor, own: Tensor) -> Tensor:
    """A factor with the rank of a new adapter's: A [r, in] goes on with its rows, B [out, r] with zeros.

    A new adapter's B is zero, so that the product is the given adapter's.
    """
    wide = own.to(given.dtype).clone()
    wide[: given.shape[0], : given.shape[1]] = given
    return wide


def _plan(bundles: Sequence[Bundle], config: AdapterConfig) -> list[list[Forward]]:
    epochs = [
        plan_epoch(
            bundles,
            forward_tokens=config.forward_limit,
            batch_tokens=config.batch_tokens,
            seed=config.seed,
            epoch=epoch,
        )
        for epoch in range(math.ceil(config.epochs))
    ]
    # A fraction of the last epoch is that share of its own steps.
    last = config.epochs - (len(epochs) - 1)
    epochs[-1] = epochs[-1][: max(1, round(last * len(epochs[-1])))]
    return [step for epoch in epochs for step in epoch]


def _all_batches(examples: Sequence[Example], config: AdapterConfig, device: torch.device) -> Iterator[Batch]:
    limit = config.forward_limit
    bundles = bundle(examples, forward_tokens=limit)
    for step in plan_epoch(bundles, forward_tokens=limit, batch_tokens=1, seed=0, epoch=0):
        for forward in step:
            yield collate(examples, forward, device)

"""Supervised fine-tuning of a LoRA adapter on a causal language model, resumable bit for bit.

trainer = Trainer(model_folder, examples, AdapterConfig(), device=torch.device("cpu"))
finished = trainer.run(folder, stop=lambda: False)
trainer.save_adapter(folder / "adapter")
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from lab.errors import UserError
from lab.paths import write_atomically
from lab.train import checkpoint
from lab.train.batches import Batch, Bundle, Forward, bundle, collate, plan_epoch
from lab.train.checkpoint import Progress
from lab.train.config import AdapterConfig
from lab.train.examples import Example
from lab.train.loading import attaching, load_base
from lab.zoo.adapter import WEIGHTS, read_adapter_config

CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"

# Validations in the course of a training, evenly spread; the last one is at its end.
_VALIDATIONS = 10


@dataclass(frozen=True, slots=True)
class StepLog:
    """One line of the log.

    Attributes:
        step: optimizer steps done, this one included; `steps` there are in all.
        loss: mean cross-entropy (nats) over the learnt tokens of this step, before its update.
        validation_loss: the same over the validation sessions, after the update; None where not measured.
        gradient: norm before clipping.
        tokens: read in this step, a beginning that sequences share once; `learnt` of them were predicted.
        seconds: training time up to and with this step, over all runs, without validation.
    """

    step: int
    steps: int
    loss: float
    validation_loss: float | None
    gradient: float
    lr: float
    tokens: int
    learnt: int
    seconds: float
    tokens_per_s: float


def learning_rate(step: int, steps: int, config: AdapterConfig) -> float:
    """Of step `step` (from 0) of `steps`: linear warm-up, then a half cosine, zero at `steps`."""
    warm = max(1, round(config.warmup * steps))
    if step < warm:
        return config.lr * (step + 1) / warm
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))


class Trainer:
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
            start: an adapter's folder, whose weights are trained further.
            name: what the adapter's own configuration calls its base model; the folder's name by default.

        Raises:
            UserError: the model cannot be read, or `start` is no adapter of this form for it.
        """
        self.config, self.device = config, device
        self.examples, self.validation = examples, validation
        self.steps = _plan(bundle(examples, forward_tokens=config.forward_limit), config)
        torch.manual_seed(config.seed)
        self.model = _with_adapter(model, config, device, name or model.name)
        self._weights = {n: weight for n, weight in self.model.named_parameters() if weight.requires_grad}
        if start is not None:
            _take_over(start, self.model, config)
        if config.compile:
            for layer in self.model.get_base_model().get_decoder().layers:
                layer.compile(dynamic=True)
        self._rng = checkpoint.rng_state(device)
        self._optimizer = torch.optim.AdamW(self._weights.values(), lr=config.lr, weight_decay=0.0)

    def run(
        self,
        folder: Path,
        *,
        stop: Callable[[], bool],
        tell: Callable[[StepLog], None] = lambda _: None,
        visit: Callable[[Progress], bool] = lambda _: True,
        checkpoint_s: float = 300.0,
    ) -> bool:
        """Train from the folder's checkpoint, or from the start, to the last step; whether it was reached.

        A checkpoint is written every `checkpoint_s` seconds and when the training ends or stops.

        Args:
            stop: asked before every forward; True gives up the step that has begun, and checkpoints.
            tell: called after every step.
            visit: called with what is done before the first step (or the first after resuming) and after
                every step; False stops the training there. It cannot change the training's course.

        Raises:
            UserError: the loss is no longer finite, the folder cannot be written, or its checkpoint is
                damaged.
        """
        path = folder / CHECKPOINT
        if path.is_file():
            progress = checkpoint.load(path, self._weights, self._optimizer, self.device)
        else:
            progress = Progress()
            checkpoint.set_rng_state(self._rng, self.device)
        _cut_log(folder / LOG, progress.step)
        saved = time.monotonic()
        with (folder / LOG).open("a", encoding="utf-8") as log:
            while True:
                rng = checkpoint.rng_state(self.device)
                going = visit(progress)
                checkpoint.set_rng_state(rng, self.device)
                if going and progress.step == len(self.steps):
                    return True
                line = self._step(progress, stop) if going else None
                if line is None:
                    self._save(path, progress, rng)
                    return False
                log.write(json.dumps(asdict(line)) + "\n")
                log.flush()
                tell(line)
                progress = Progress(line.step, progress.tokens + line.tokens, line.seconds)
                if time.monotonic() - saved >= checkpoint_s or line.step == len(self.steps):
                    self._save(path, progress, checkpoint.rng_state(self.device))
                    saved = time.monotonic()

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in peft's format: adapter_config.json and adapter_model.safetensors (float32)."""
        from peft import get_peft_model_state_dict

        # Asked to find out for itself, peft looks the base model's name up on the hub.
        state = get_peft_model_state_dict(self.model, save_embedding_layers=False)
        folder.mkdir(exist_ok=True)
        save_file(
            {name: tensor.cpu() for name, tensor in state.items()}, folder / "adapter_model.safetensors"
        )
        self.model.peft_config["default"].save_pretrained(str(folder))

    def loss(self, examples: Sequence[Example]) -> float:
        """Mean cross-entropy (nats) over all learnt tokens of the examples, without dropout."""
        self.model.eval()
        total, learnt = 0.0, 0
        with torch.no_grad():
            for batch in _batches(examples, self.config, self.device):
                total += self._cross_entropy(batch).item()
                learnt += len(batch.targets)
        return total / learnt

    def _step(self, progress: Progress, stop: Callable[[], bool]) -> StepLog | None:
        """One optimizer step; None if it was given up, which leaves weights and optimizer as they were."""
        began = time.perf_counter()
        batches = [collate(self.examples, forward, self.device) for forward in self.steps[progress.step]]
        learnt = sum(len(batch.targets) for batch in batches)
        self.model.train()
        self._optimizer.zero_grad()
        loss = 0.0
        for batch in batches:
            if stop():
                return None
            part = self._cross_entropy(batch) / learnt
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(self._weights.values(), self.config.clip).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise UserError(
                f"the training diverged at step {progress.step + 1}",
                got=f"loss {loss}, gradient {norm}",
                hint="Begin again in another --out with a lower --lr.",
            )
        lr = learning_rate(progress.step, len(self.steps), self.config)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.step()
        seconds = time.perf_counter() - began
        tokens = sum(batch.ids.numel() for batch in batches)
        line = StepLog(
            step=progress.step + 1,
            steps=len(self.steps),
            loss=loss,
            validation_loss=None,
            gradient=norm,
            lr=lr,
            tokens=tokens,
            learnt=learnt,
            seconds=progress.seconds + seconds,
            tokens_per_s=tokens / seconds,
        )
        every = math.ceil(len(self.steps) / _VALIDATIONS)
        if self.validation and (line.step % every == 0 or line.step == len(self.steps)):
            line = replace(line, validation_loss=self.loss(self.validation))
        return line

    def _cross_entropy(self, batch: Batch) -> Tensor:
        """Sum of the cross-entropy (nats) over the learnt tokens."""
        base = self.model.get_base_model()
        fast = self.config.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16) if fast else contextlib.nullcontext():
            decoder = base.get_decoder()
            hidden = decoder(
                input_ids=batch.ids, position_ids=batch.positions, use_cache=False, layout=batch.layout
            ).last_hidden_state
            # The head only where there is something to learn: mostly it is the largest matrix.
            logits = base.get_output_embeddings()(hidden[0, batch.predicting])
        return F.cross_entropy(logits.float(), batch.targets, reduction="sum")

    def _save(self, path: Path, progress: Progress, rng: checkpoint.Rng) -> None:
        checkpoint.save(path, self._weights, self._optimizer, progress, rng)


def read_log(folder: Path) -> list[StepLog]:
    """The steps that the folder's log holds."""
    path = folder / LOG
    if not path.is_file():
        return []
    return [StepLog(**json.loads(line)) for line in _whole_lines(path.read_text(encoding="utf-8"))]


def _with_adapter(folder: Path, config: AdapterConfig, device: torch.device, name: str) -> Any:
    from peft import LoraConfig, get_peft_model

    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    model = load_base(folder, dtype, compiled=config.compile)
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with attaching():
        adapted = get_peft_model(model, lora)
    # peft notes where the folder lay, which means nothing on another machine.
    adapted.peft_config["default"].base_model_name_or_path = name
    return adapted.to(device)


def _take_over(adapter: Path, model: Any, config: AdapterConfig) -> None:
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    known = read_adapter_config(adapter)
    form, wanted = (known.get("r"), known.get("lora_alpha")), (config.rank, config.alpha)
    if form != wanted:
        raise UserError(
            f"--from {adapter}",
            got=f"rank {form[0]}, alpha {form[1]}",
            expected=f"rank {wanted[0]}, alpha {wanted[1]}",
            hint="Give its own --rank and --alpha.",
        )
    try:
        found = set_peft_model_state_dict(model, load_file(adapter / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        got = str(error).splitlines()[0]
        raise UserError(f"--from {adapter}", got=got, expected="an adapter of this model") from None
    missing = [key for key in found.missing_keys if "lora_" in key]
    if missing or found.unexpected_keys:
        got = f"{len(missing)} matrices missing, {len(found.unexpected_keys)} without a place"
        raise UserError(
            f"--from {adapter}", got=got, expected="an adapter of every linear layer but the head"
        )


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


def _batches(examples: Sequence[Example], config: AdapterConfig, device: torch.device) -> Iterator[Batch]:
    limit = config.forward_limit
    bundles = bundle(examples, forward_tokens=limit)
    for step in plan_epoch(bundles, forward_tokens=limit, batch_tokens=1, seed=0, epoch=0):
        for forward in step:
            yield collate(examples, forward, device)


def _cut_log(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint: it is trained again."""
    if path.is_file():
        lines = _whole_lines(path.read_text(encoding="utf-8"))
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        write_atomically(path, "".join(f"{line}\n" for line in kept))


def _whole_lines(text: str) -> list[str]:
    """All lines but a last one that was cut off while it was written."""
    return text.split("\n")[:-1]

"""From a checkpoint folder (config.json and safetensors) to a Decoder in a given precision."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lab.errors import UserError
from lab.models.config import DecoderConfig, read_config
from lab.models.decoder import Decoder, Layer
from lab.precision.base import Linear, Precision


class Checkpoint:
    """Tensors of a folder by name, read when asked for.

    Raises:
        UserError: no safetensors file, a corrupt one, a missing tensor or one of another shape.
    """

    def __init__(self, path: Path):
        self.path = path
        self._files: dict[str, Path] = {}
        index = path / "model.safetensors.index.json"
        if index.is_file():
            try:
                names = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            except (ValueError, KeyError) as error:
                raise UserError(
                    f"weights index {index}", got=str(error), hint="It is damaged; fetch the model again."
                ) from None
            self._files = {tensor: path / file for tensor, file in names.items()}
        else:
            for file in sorted(path.glob("*.safetensors")):
                with self._open(file) as tensors:
                    self._files.update(dict.fromkeys(tensors.keys(), file))
        if not self._files:
            raise UserError(
                f"model folder {path}", got="no *.safetensors file", expected="safetensors weights"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def get(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """The tensor `name`, which must have `shape`."""
        if name not in self._files:
            raise UserError(
                f"checkpoint {self.path.name}: tensor {name}", got="none", expected=f"shape {shape}"
            )
        with self._open(self._files[name]) as tensors:
            tensor: Tensor = tensors.get_tensor(name)
        if tuple(tensor.shape) != shape:
            raise UserError(
                f"{self._files[name].name}: tensor {name}",
                got=f"shape {tuple(tensor.shape)}",
                expected=f"{shape}, as config.json says",
                hint="The weights and config.json do not belong together.",
            )
        return tensor.to(device)

    def _open(self, file: Path) -> safe_open:
        try:
            return safe_open(str(file), framework="pt")
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"weights file {file}", got=str(error), hint="It is damaged; fetch the model again."
            ) from None


def load_decoder(
    path: Path,
    precision: Precision,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
    stacked: str | None = None,
    layers: int | None = None,
) -> Decoder:
    """Build the decoder of the checkpoint in `path`, layer by layer, so that at most one layer exists twice.

    Args:
        progress: called with (layers done, layers).
        stacked: as `Decoder` takes it.
        layers: only so many of the lowest ones; all by default.

    Raises:
        UserError: see `Checkpoint` and `read_config`.
    """
    config, weights = read_config(path), Checkpoint(path)
    if layers is not None:
        config = replace(config, layers=min(layers, config.layers))
    builder = _Builder(config, weights, precision, device)
    embedding = weights.get("model.embed_tokens.weight", (config.vocabulary, config.hidden), device)
    made = []
    for index in range(config.layers):
        made.append(builder.layer(index))
        if progress is not None:
            progress(index + 1, config.layers)
    head = embedding if config.tied else weights.get("lm_head.weight", tuple(embedding.shape), device)
    return Decoder(
        config,
        embedding.to(precision.dtype),
        made,
        builder.vector("model.norm.weight", config.hidden),
        precision.head(head),
        stacked,
    )


class _Builder:
    def __init__(
        self, config: DecoderConfig, weights: Checkpoint, precision: Precision, device: torch.device
    ):
        self.config, self.weights, self.precision, self.device = config, weights, precision, device

    def vector(self, name: str, size: int) -> Tensor:
        return self.weights.get(name, (size,), self.device).to(self.precision.dtype)

    def layer(self, index: int) -> Layer:
        c, at = self.config, f"model.layers.{index}."
        q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        attention, mlp = f"{at}self_attn.", f"{at}mlp."
        qk_norm = None
        if c.architecture == "Qwen3ForCausalLM":
            q_gain = self.vector(f"{attention}q_norm.weight", c.head_dim)
            k_gain = self.vector(f"{attention}k_norm.weight", c.head_dim)
            qk_norm = torch.cat((q_gain.expand(c.heads, -1), k_gain.expand(c.kv_heads, -1)))
        return Layer(
            input_norm=self.vector(f"{at}input_layernorm.weight", c.hidden),
            qkv=self.linear(
                c.hidden, {f"{attention}q_proj": q, f"{attention}k_proj": kv, f"{attention}v_proj": kv}
            ),
            qk_norm=qk_norm,
            out=self.linear(q, {f"{attention}o_proj": c.hidden}),
            post_norm=self.vector(f"{at}post_attention_layernorm.weight", c.hidden),
            gate_up=self.linear(
                c.hidden, {f"{mlp}gate_proj": c.intermediate, f"{mlp}up_proj": c.intermediate}
            ),
            down=self.linear(c.intermediate, {f"{mlp}down_proj": c.hidden}),
        )

    def linear(self, columns: int, parts: dict[str, int]) -> Linear:
        """One layer from the stacked rows of `parts`, name -> rows."""
        weight = torch.cat(
            [self.weights.get(f"{n}.weight", (rows, columns), self.device) for n, rows in parts.items()]
        )
        bias = None
        if any(f"{name}.bias" in self.weights for name in parts):
            bias = torch.cat(
                [self.weights.get(f"{n}.bias", (rows,), self.device) for n, rows in parts.items()]
            )
        return self.precision.linear(weight, bias)

"""From a checkpoint folder (config.json and safetensors) to a Decoder in a given precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lab.errors import UserError
from lab.models.config import DecoderConfig, read_config
from lab.models.decoder import Decoder, Layer
from lab.precision import STORED
from lab.precision.base import Linear, Precision, Source


class Checkpoint:
    """Tensors of a folder by name, read when asked for.

    Raises:
        UserError: no safetensors file, a corrupt one, a missing tensor or one of another shape.
    """

    def __init__(self, path: Path):
        self.name = path.name
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

    def __iter__(self) -> Iterator[str]:
        """The tensors' names."""
        return iter(self._files)

    def get(
        self, tensor: str, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype | None = None
    ) -> Tensor:
        """The tensor, which must have `shape`, and be stored in `dtype` if one is given."""
        if tensor not in self._files:
            raise UserError(f"checkpoint {self.name}: tensor {tensor}", got="none", expected=f"shape {shape}")
        found = self.read(tensor, device)
        if tuple(found.shape) != shape:
            raise UserError(
                f"{self._files[tensor].name}: tensor {tensor}",
                got=f"shape {tuple(found.shape)}",
                expected=f"{shape}, as config.json says",
                hint="The weights and config.json do not belong together.",
            )
        if dtype is not None and found.dtype != dtype:
            raise UserError(
                f"{self._files[tensor].name}: tensor {tensor}", got=str(found.dtype), expected=str(dtype)
            )
        return found

    def read(self, tensor: str, device: torch.device) -> Tensor:
        """The tensor, whatever its shape."""
        with self._open(self._files[tensor]) as tensors:
            found: Tensor = tensors.get_tensor(tensor)
        return found.to(device)

    def _open(self, file: Path) -> safe_open:
        try:
            return safe_open(str(file), framework="pt")
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"weights file {file}", got=str(error), hint="It is damaged; fetch the model again."
            ) from None


def save_whole(tensors: dict[str, Tensor], path: Path) -> None:
    """Write one safetensors file, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        save_file(tensors, partial)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise UserError(
            f"cannot write {path}", got=str(error), hint="Free some space; the same command resumes."
        ) from None


def modules(config: DecoderConfig, layer: int) -> dict[str, dict[str, int]]:
    """The checkpoint's modules in each product of a `Layer`: product -> module -> its rows."""
    c, at = config, f"model.layers.{layer}."
    q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
    attention, mlp = f"{at}self_attn.", f"{at}mlp."
    return {
        "qkv": {f"{attention}q_proj": q, f"{attention}k_proj": kv, f"{attention}v_proj": kv},
        "out": {f"{attention}o_proj": c.hidden},
        "gate_up": {f"{mlp}gate_proj": c.intermediate, f"{mlp}up_proj": c.intermediate},
        "down": {f"{mlp}down_proj": c.hidden},
    }


def load_decoder(
    path: Path,
    precision: Precision,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
    kernels: Mapping[str, str] | None = None,
    layers: int | None = None,
    kv: str = "bf16",
) -> Decoder:
    """Build the decoder of the checkpoint in `path`, layer by layer, so that at most one layer exists twice.

    Args:
        progress: called with (layers done, layers).
        kernels, kv: as `Decoder` takes them.
        layers: only so many of the lowest ones; all by default.

    Raises:
        UserError: see `Checkpoint` and `read_config`.
    """
    config = read_config(path)
    check_method(config, precision, path.name)
    weights = Checkpoint(path)
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
        kernels,
        kv,
    )


def check_method(config: DecoderConfig, precision: Precision, name: str) -> None:
    """Refuse a precision that does not load this checkpoint's weights.

    Raises:
        UserError: it does not.
    """
    if config.method in precision.methods:
        return
    wanted = " or ".join(
        "floating-point weights" if method is None else f"weights quantized with {method!r}"
        for method in precision.methods
    )
    loads = STORED.get(config.method or "")
    hint = "Give the unquantized model; --precision chooses how it is quantized."
    if config.method is None:
        hint = "`lab models quantize` makes them."
    elif loads is not None:
        hint = f"--precision {loads} loads it as it is."
    got = "floating-point weights" if config.method is None else f"weights quantized with {config.method!r}"
    raise UserError(f"checkpoint {name}", got=got, expected=wanted, hint=hint)


class _Builder:
    def __init__(
        self, config: DecoderConfig, weights: Checkpoint, precision: Precision, device: torch.device
    ):
        self.config, self.weights, self.precision, self.device = config, weights, precision, device

    def vector(self, name: str, size: int) -> Tensor:
        return self.weights.get(name, (size,), self.device).to(self.precision.dtype)

    def layer(self, index: int) -> Layer:
        c, at, parts = self.config, f"model.layers.{index}.", modules(self.config, index)
        qk_norm = None
        if c.architecture == "Qwen3ForCausalLM":
            q_gain = self.vector(f"{at}self_attn.q_norm.weight", c.head_dim)
            k_gain = self.vector(f"{at}self_attn.k_norm.weight", c.head_dim)
            qk_norm = torch.cat((q_gain.expand(c.heads, -1), k_gain.expand(c.kv_heads, -1)))
        return Layer(
            input_norm=self.vector(f"{at}input_layernorm.weight", c.hidden),
            qkv=self.linear(c.hidden, parts["qkv"]),
            qk_norm=qk_norm,
            out=self.linear(c.heads * c.head_dim, parts["out"]),
            post_norm=self.vector(f"{at}post_attention_layernorm.weight", c.hidden),
            gate_up=self.linear(c.hidden, parts["gate_up"]),
            down=self.linear(c.intermediate, parts["down"]),
        )

    def linear(self, columns: int, parts: dict[str, int]) -> Linear:
        """One layer from the stacked rows of `parts`, name -> rows."""
        return self.precision.layer(
            Source(self.weights, self.config.quantization, parts, columns, self.device)
        )

"""What safetensors files say about their tensors, read from their headers; no tensor is loaded."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UserError

_MAX_HEADER = 100_000_000  # the format's own limit, bytes


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One stored tensor; `bytes` is its size in the file. Of packed weights, an element holds several."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """The tensors of all layers that share a name, a type and a shape; `*` stands for the layer."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    tensors: int
    elements: int
    bytes: int


def read_header(path: Path) -> list[TensorInfo]:
    """The tensors of one safetensors file, in the file's order.

    Raises:
        UserError: the file is cut off or no safetensors file.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _MAX_HEADER:
                raise ValueError(f"a header of {size} bytes")
            header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        tensors = [
            TensorInfo(
                name, info["dtype"], tuple(info["shape"]), info["data_offsets"][1] - info["data_offsets"][0]
            )
            for name, info in header.items()
        ]
        end = 8 + size + max((info["data_offsets"][1] for info in header.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"weights file {path}", got=str(error), expected="a safetensors file") from None
    if end != path.stat().st_size:
        got = f"{path.stat().st_size} bytes"
        raise UserError(f"weights file {path}", got=got, expected=f"{end} bytes", hint="Fetch it again.")
    return tensors


def group_tensors(folder: Path) -> list[TensorGroup]:
    """The tensors of a folder's safetensors files, those of the same role in all layers taken together."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[TensorInfo]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for tensor in read_header(path):
            role = re.sub(r"(?<=\.)\d+(?=\.)", "*", tensor.name)
            groups.setdefault((role, tensor.dtype, tensor.shape), []).append(tensor)
    return [
        TensorGroup(
            role, dtype, shape, len(found), sum(t.elements for t in found), sum(t.bytes for t in found)
        )
        for (role, dtype, shape), found in sorted(groups.items())
    ]

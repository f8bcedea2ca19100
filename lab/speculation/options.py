"""What drafters are made from; light enough for the runner to import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DraftPrecision = Literal["auto", "target", "int8"]
"""`target` is the target's dtype, `int8` 8-bit weights in it, `auto` the latter where the lab's CPU kernel
multiplies them: drafts may be wrong, and take less time there."""

_SHAPE = re.compile(r"chain-(?P<chain>[1-9]\d*)|tree-(?P<tree>[1-9]\d*x[1-9]\d*x[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class TreeShape:
    """How far and how wide drafts grow: at most `depth` tokens deep, `nodes` in all.

    Attributes:
        confidence: paths that the head holds for less likely than this are not drafted.
    """

    depth: int
    top_k: int
    nodes: int
    confidence: float = 0.0


def parse_tree(text: str) -> TreeShape:
    """`chain-K`, or `tree-DEPTHxTOP_KxNODES`.

    Raises:
        ValueError: neither.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError(f"got {text!r}, expected chain-K or tree-DEPTHxTOP_KxNODES, such as tree-6x8x24")
    if found["chain"]:
        return TreeShape(int(found["chain"]), 1, int(found["chain"]))
    return TreeShape(*map(int, found["tree"].split("x")))


@dataclass(frozen=True, slots=True)
class DraftOptions:
    """What drafters are made from.

    Attributes:
        tokens: the most tokens of a draft that is no tree.
        tree: the shape of one that is, as `parse_tree` takes it.
        confidence: likelihood, in the head's eyes, of the least likely path of one that is.
        model: folder of the draft model, or `layers-N` for the target's first N layers.
        head: folder of the EAGLE-3 head.
        precision: how that is held, as `DraftPrecision` says.
        allow_pickle: read a head's pickled weights.
    """

    tokens: int = 8
    tree: str = "tree-6x8x24"
    confidence: float = 0.0
    model: Path | None = None
    head: Path | None = None
    precision: DraftPrecision = "auto"
    allow_pickle: bool = False

"""What `gptq-w4` is made with: its settings, and who can make it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UserError

# The precision that is made.
GPTQ = "gptq-w4"

# What is calibrated on if nothing is named, sessions of each family of the split train: all families of one
# catalog size, so that every tool and every way to answer occurs.
FAMILIES = dict.fromkeys(
    ("chain", "parallel", "retry", "extraction", "rag", "sql", "dialogue", "ambiguous", "no-call"), 2
)
# Longest session in tokens; longer ones are left out.
LENGTH = 2048

# Name -> its `Quantizer`, imported when it is used.
QUANTIZERS = {"lab": "lab.quantize.native:QUANTIZER", "gptqmodel": "lab.quantize.gptqmodel:QUANTIZER"}


@dataclass(frozen=True)
class GptqConfig:
    """How `gptq-w4` quantizes (GPTQ: arXiv 2210.17323).

    Attributes:
        by: the lab's own implementation, or the package GPTQModel.
        group: columns that share a scale; -1 for the whole row.
        asymmetric: with a zero point a group.
        act_order: GPTQModel quantizes the columns of the largest activations first. Their order is stored,
            and multiplying gathers by it. The lab's implementation always takes the columns in that order,
            and leaves them in their groups, which costs nothing later.
        damp: added to the Hessian's diagonal, as a share of its mean.
    """

    by: str = "lab"
    group: int = 64
    asymmetric: bool = False
    act_order: bool = False
    damp: float = 0.05

    def __post_init__(self) -> None:
        if self.by not in QUANTIZERS:
            raise UserError("--by", got=self.by, expected=f"one of {', '.join(QUANTIZERS)}")
        if self.group != -1 and self.group not in (16, 32, 64, 128, 256):
            raise UserError("--group", got=self.group, expected="16, 32, 64, 128, 256, or -1 for whole rows")
        if not 0 < self.damp < 1:
            raise UserError("--damp", got=self.damp, expected="more than 0 and less than 1")
        if self.act_order and self.by != "gptqmodel":
            raise UserError(
                "--act-order",
                got=f"--by {self.by}",
                expected="--by gptqmodel",
                hint="The lab's own implementation always takes the columns in that order.",
            )


@dataclass(frozen=True, slots=True)
class Quantizer:
    """An implementation.

    Attributes:
        maker: its name and version; a UserError if it is not installed.
        run: (model folder, token ids to calibrate on, settings, folder for what is finished layer by layer,
            folder to write, told of layers done and layers): writes the quantized model, and takes up what an
            earlier run had finished.
    """

    maker: Callable[[], str]
    run: Callable[[Path, Sequence[list[int]], GptqConfig, Path, Path, Callable[[int, int], None]], None]


def load_quantizer(name: str) -> Quantizer:
    """The quantizer called `name`, one of `QUANTIZERS`."""
    module, _, attribute = QUANTIZERS[name].partition(":")
    made: Quantizer = getattr(importlib.import_module(module), attribute)
    return made

"""Sessions made from the tool worlds, by family, seed and split; docs/worlds.md describes them.

for session in generate("chain", n=50, seed=1, split="train"): ...
"""

from __future__ import annotations

from lab.scenarios.generate.families import FAMILIES, check, generate, generate_shared
from lab.scenarios.generate.values import SPLITS, Split

__all__ = ["FAMILIES", "SPLITS", "Split", "check", "generate", "generate_shared"]

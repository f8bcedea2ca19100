"""Executable tool worlds by name. docs/worlds.md describes them."""

from __future__ import annotations

import importlib

from lab.errors import UserError, did_you_mean
from lab.scenarios.worlds.base import World

WORLDS = {
    "travel": "lab.scenarios.worlds.travel:Travel",
    "orders": "lab.scenarios.worlds.orders:Orders",
    "devops": "lab.scenarios.worlds.devops:DevOps",
    "files": "lab.scenarios.worlds.files:Files",
    "office": "lab.scenarios.worlds.office:Office",
    "bank": "lab.scenarios.worlds.bank:Bank",
    "database": "lab.scenarios.worlds.database:Database",
    "knowledge": "lab.scenarios.worlds.knowledge:Knowledge",
    "home": "lab.scenarios.worlds.home:Home",
    "clinic": "lab.scenarios.worlds.clinic:Clinic",
}
# Held out as a whole: nothing of them is in any split but the test of `novel-tools`.
NOVEL_WORLDS = ("home", "clinic")
TRAIN_WORLDS = tuple(name for name in WORLDS if name not in NOVEL_WORLDS)


def load_world(name: str) -> type[World]:
    """The class of a world.

    Raises:
        UserError: no world has that name.
    """
    if name not in WORLDS:
        raise UserError(
            "tool world",
            got=repr(name),
            expected=f"one of {', '.join(WORLDS)}",
            hint=did_you_mean(name, WORLDS),
        )
    module, _, attribute = WORLDS[name].partition(":")
    found: type[World] = getattr(importlib.import_module(module), attribute)
    return found

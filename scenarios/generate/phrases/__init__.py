"""What users say, one module a world: intent -> templates by split.

A world's `NAME.json` beside its module has further templates of the split train: intent -> templates. They
are many, and were written without a look at those of the other splits.
"""

from __future__ import annotations

import functools
import json
from importlib import resources

from lab.scenarios.generate.phrases import (
    bank,
    clinic,
    database,
    devops,
    files,
    home,
    knowledge,
    office,
    orders,
    travel,
)
from lab.scenarios.generate.wording import Phrases

_WORLDS: dict[str, dict[str, Phrases]] = {
    "travel": travel.PHRASES,
    "orders": orders.PHRASES,
    "devops": devops.PHRASES,
    "files": files.PHRASES,
    "office": office.PHRASES,
    "bank": bank.PHRASES,
    "database": database.PHRASES,
    "knowledge": knowledge.PHRASES,
    "home": home.PHRASES,
    "clinic": clinic.PHRASES,
}


@functools.cache
def more(name: str) -> dict[str, list[str]]:
    """The templates of `NAME.json`; none where there is no such file."""
    file = resources.files(__name__) / f"{name}.json"
    found: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


PHRASES = {
    world: {intent: phrases.with_more(more(world).get(intent, ())) for intent, phrases in table.items()}
    for world, table in _WORLDS.items()
}

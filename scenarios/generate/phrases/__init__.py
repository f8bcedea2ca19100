"""What users say, one module a world: intent -> templates by split."""

from __future__ import annotations

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

PHRASES: dict[str, dict[str, Phrases]] = {
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

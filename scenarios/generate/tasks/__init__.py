"""The requests of every world: one module a world, each with its base state and its tasks."""

from __future__ import annotations

from lab.scenarios.generate.tasks import (
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

TASKS = {
    "travel": travel,
    "orders": orders,
    "devops": devops,
    "files": files,
    "office": office,
    "bank": bank,
    "database": database,
    "knowledge": knowledge,
    "home": home,
    "clinic": clinic,
}

"""A small relational database: queries run read-only in SQLite, changes go through structured tools.

Every query opens a fresh in-memory SQLite database from the state. An authorizer lets through reads and
deterministic functions only; virtual-machine steps, rows and text sizes are limited.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from lab.scenarios.worlds.base import (
    JSON,
    STRING,
    Tool,
    ToolError,
    World,
    enum,
    record,
    refuse_unless,
    text,
    whole,
)

MAX_ROWS = 20
MAX_STEPS = 200_000  # of SQLite's virtual machine
MAX_BYTES = 20_000
# No clock, no randomness, nothing that allocates at will.
FUNCTIONS = frozenset(
    {"abs", "avg", "coalesce", "count", "ifnull", "instr", "length", "like", "lower", "max", "min", "nullif"}
    | {"round", "substr", "substring", "sum", "total", "trim", "upper"}
)
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_VALUES: JSON = {"type": "object", "description": "column: value", "minProperties": 1}
_WHERE: JSON = {"type": "object", "description": "column: value"}


def _authorize(action: int, _: str | None, function: str | None, *__: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_OK if str(function).lower() in FUNCTIONS else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


class Database(World):
    """State: `tables` (name -> `columns`: column -> SQLite type, the first one `id`; and `rows`: lists),
    `saved` (title -> query)."""

    name = "database"
    role = "data assistant for a small SQLite database"

    def list_tables(self) -> JSON:
        return {"tables": sorted(self._state["tables"])}

    def describe_table(self, table: str) -> JSON:
        return {"columns": self._find("tables", table, "table")["columns"]}

    def run_query(self, sql: str) -> JSON:
        refuse_unless(len(sql) <= MAX_BYTES, "sql_error", "the query is too long")
        with closing(self._open()) as database:
            try:
                cursor = database.execute(sql)
                rows = cursor.fetchmany(MAX_ROWS + 1)
            except (sqlite3.Error, sqlite3.Warning, ValueError) as problem:
                raise ToolError("sql_error", str(problem)) from None
            if cursor.description is None:
                raise ToolError("sql_error", "not a query")
        columns = [column[0] for column in cursor.description]
        result: JSON = {
            "columns": columns,
            "rows": [[_plain(cell) for cell in row] for row in rows[:MAX_ROWS]],
        }
        return result | ({"truncated": True} if len(rows) > MAX_ROWS else {})

    def sample_rows(self, table: str, limit: int) -> JSON:
        found = self._find("tables", table, "table")
        return {"columns": list(found["columns"]), "rows": found["rows"][:limit]}

    def distinct_values(self, table: str, column: str) -> JSON:
        found = self._find("tables", table, "table")
        place = _place(found, table, column)
        return {"values": list(dict.fromkeys(row[place] for row in found["rows"]))[:MAX_ROWS]}

    def column_stats(self, table: str, column: str) -> JSON:
        found = self._find("tables", table, "table")
        place = _place(found, table, column)
        values = [row[place] for row in found["rows"] if isinstance(row[place], int | float)]
        refuse_unless(values, "not_numeric", f"{table}.{column} holds no numbers")
        return {"min": min(values), "max": max(values), "mean": round(sum(values) / len(values), 2)}

    def insert_row(self, table: str, values: JSON) -> JSON:
        found = self._find("tables", table, "table")
        self._check(found, table, values)
        key = max((row[0] for row in found["rows"]), default=0) + 1
        row = [values.get(column) for column in found["columns"]]
        found["rows"].append([key, *row[1:]])
        return {"inserted": 1, "id": key}

    def update_rows(self, table: str, values: JSON, where: JSON) -> JSON:
        found = self._find("tables", table, "table")
        self._check(found, table, values)
        rows = self._matching(found, table, where)
        for row in rows:
            for column, value in values.items():
                row[_place(found, table, column)] = value
        return {"updated": len(rows)}

    def delete_rows(self, table: str, where: JSON) -> JSON:
        found = self._find("tables", table, "table")
        refuse_unless(where, "no_condition", "deleting every row is not allowed")
        gone = self._matching(found, table, where)
        found["rows"] = [row for row in found["rows"] if not any(row is other for other in gone)]
        return {"deleted": len(gone)}

    def save_query(self, title: str, sql: str, share: str) -> JSON:
        self._state["saved"][title] = {"sql": sql, "share": share}
        return {"saved": title}

    def chart_query(self, sql: str, chart: JSON) -> JSON:
        rows = len(self.run_query(sql)["rows"])
        return {"chart": chart["kind"], "points": rows}

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(":memory:", isolation_level=None)
        for name, table in self._state["tables"].items():
            columns = ", ".join(f"{_quoted(column)} {kind}" for column, kind in table["columns"].items())
            database.execute(f"CREATE TABLE {_quoted(name)} ({columns})")
            marks = ", ".join("?" * len(table["columns"]))
            database.executemany(f"INSERT INTO {_quoted(name)} VALUES ({marks})", table["rows"])
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BYTES)
        database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        database.set_authorizer(_authorize)
        steps = iter(range(MAX_STEPS // 1000))
        database.set_progress_handler(lambda: next(steps, None) is None, 1000)
        return database

    def _check(self, found: JSON, table: str, values: JSON) -> None:
        for column, value in values.items():
            _place(found, table, column)
            scalar = value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))
            refuse_unless(scalar and column != "id", "invalid_value", f"{column!r} takes no such value")
            refuse_unless(
                not isinstance(value, int) or value.bit_length() < 63, "invalid_value", "number too large"
            )

    def _matching(self, found: JSON, table: str, where: JSON) -> list[list[Any]]:
        places = {_place(found, table, column): value for column, value in where.items()}
        return [row for row in found["rows"] if all(row[place] == value for place, value in places.items())]

    TOOLS = (
        Tool(list_tables, "List the tables."),
        Tool(describe_table, "Show a table's columns.", {"table": STRING}),
        Tool(run_query, "Run a read-only SQL query.", {"sql": text("one SELECT")}),
        Tool(sample_rows, "Show the first rows of a table.", {"table": STRING}, {"limit": whole(1, 10, 3)}),
        Tool(distinct_values, "List the different values of a column.", {"table": STRING, "column": STRING}),
        Tool(column_stats, "Minimum, maximum and mean of a column.", {"table": STRING, "column": STRING}),
        Tool(insert_row, "Add a row; its id is chosen for you.", {"table": STRING, "values": _VALUES}),
        Tool(
            update_rows,
            "Change the rows that match.",
            {"table": STRING, "values": _VALUES, "where": _WHERE},
        ),
        Tool(delete_rows, "Delete the rows that match.", {"table": STRING, "where": _WHERE}),
        Tool(
            save_query,
            "Keep a query under a title.",
            {"title": STRING, "sql": STRING},
            {"share": enum("me", "team", default="me")},
        ),
        Tool(
            chart_query,
            "Draw a chart of a query's rows.",
            {
                "sql": STRING,
                "chart": record({"kind": enum("bar", "line", "pie")}, {"title": STRING}),
            },
        ),
    )


def _place(found: JSON, table: str, column: str) -> int:
    columns = list(found["columns"])
    refuse_unless(column in columns, "not_found", f"{table} has no column {column!r}")
    return columns.index(column)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(cell: Any) -> Any:
    if isinstance(cell, bytes):
        return cell.hex()
    return round(cell, 4) if isinstance(cell, float) else cell

"""Requests to a data assistant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.scenarios.generate.script import Loose, Script, Task
from lab.scenarios.generate.tasks.themes import THEMES, Theme, mixed
from lab.scenarios.generate.values import INVENTED, Values
from lab.scenarios.generate.wording import listed
from lab.scenarios.worlds.base import JSON

ROWS = 12


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words and the query that answers it."""

    words: str
    sql: str


def base(_: Values) -> JSON:
    """A database without tables."""
    return {"tables": {}, "saved": {}}


def _tables(s: Script) -> Theme:
    """The theme's tables, filled; they are there already where another request put them."""
    v, themes = s.v, THEMES[s.v.split]
    free = [theme for theme in themes if theme.table not in s.state["tables"]]
    if not free:
        return v.choice(themes)
    theme = mixed(free, v.rng) if v.split == "train" and v.chance(INVENTED) else v.choice(free)
    if theme.other in s.state["tables"]:
        theme = next(own for own in free if own.table == theme.table)
    labels = [f"{v.choice('ABCDEFGH')}{v.number(10, 999)}" for _ in range(3)]
    s.state["tables"][theme.other] = {
        "columns": {"id": "INTEGER", theme.label: "TEXT"},
        "rows": [[number, label] for number, label in enumerate(labels, start=1)],
    }
    rows: list[list[Any]] = []
    people = [v.person() for _ in range(3)]
    while len(people) < ROWS:
        people += [name for name in [v.anyone()] if name not in people]
    for number, who in enumerate(people, start=1):
        measured, other = _measured(s, theme), v.count(1, 3)
        rows.append([number, who, v.choice(theme.groups), measured, v.date(-60, -1).isoformat(), other])
    columns = {"id": "INTEGER", theme.name: "TEXT", theme.group: "TEXT", theme.measure: "INTEGER"}
    columns |= {theme.day: "TEXT", theme.key: "INTEGER"}
    s.state["tables"][theme.table] = {"columns": columns, "rows": rows}
    return theme


def _measured(s: Script, theme: Theme) -> int:
    return s.v.number(8, theme.high) if theme.high > 64 else s.v.count(1, theme.high)


def _said(column: str) -> str:
    return column.replace("_", " ")


def _question(s: Script, theme: Theme, kind: str) -> Question:
    v, table = s.v, theme.table
    name, group, measure = theme.name, theme.group, theme.measure
    value, many, bound = v.choice(theme.groups), v.count(2, 5), v.count(theme.high // 3, theme.high * 3 // 4)
    since = v.date(-50, -10)
    label = v.choice(s.state["tables"][theme.other]["rows"])[1]
    queries = {
        "count": f"SELECT COUNT(*) FROM {table} WHERE {group} = '{value}'",
        "mean": f"SELECT AVG({measure}) FROM {table} WHERE {group} = '{value}'",
        "total": f"SELECT {group}, SUM({measure}) FROM {table} GROUP BY {group}",
        "per": f"SELECT {group}, COUNT(*) FROM {table} GROUP BY {group}",
        "top": f"SELECT {name} FROM {table} ORDER BY {measure} DESC LIMIT {many}",
        "above": f"SELECT {name} FROM {table} WHERE {measure} > {bound}",
        "since": f"SELECT COUNT(*) FROM {table} WHERE {theme.day} >= '{since.isoformat()}'",
        "join": f"SELECT {table}.{name} FROM {table} JOIN {theme.other} ON {table}.{theme.key} = "
        f"{theme.other}.id "
        f"WHERE {theme.other}.{theme.label} = '{label}'",
    }
    fields: dict[str, object] = {
        "name": _said(name),
        "group": _said(group),
        "measure": _said(measure),
        "day": _said(theme.day),
        "label": _said(theme.label),
        "value": label if kind == "join" else value,
        "many": many,
        "bound": bound,
        "date": since,
        "other": theme.other,
    }
    return Question(s.phrase(kind, **fields), queries[kind])


def _sql(query: str) -> Loose:
    return Loose(query, {"any_of": [query, f"{query};"], "cmp": "string_norm"})


def _answer(s: Script, question: Question) -> None:
    found = s.call("run_query", sql=_sql(question.sql))
    rows: list[list[Any]] = found["rows"]
    cells = [" ".join(str(cell) for cell in row) for row in rows[:8]]
    if not cells:
        s.say("[There are none|No row matches].")
    elif len(rows) == 1:
        s.say(f"[It is|The answer is] {cells[0]}.", cells[0])
    else:
        s.say(f"{'; '.join(cells)}.", *cells[:3])


SIMPLE = ("count", "mean", "total", "per", "top", "above", "since")


def ask_known(s: Script) -> Iterator[None]:
    theme = _tables(s)
    yield
    question = _question(s, theme, s.v.choice(SIMPLE))
    s.ask("known", table=theme.table, question=question.words)
    s.call("describe_table", table=theme.table)
    _answer(s, question)


def ask_unknown(s: Script) -> Iterator[None]:
    theme = _tables(s)
    if len(THEMES[s.v.split]) > 2:
        _tables(s)
    yield
    question = _question(s, theme, s.v.choice(SIMPLE))
    s.ask("unknown", table=_said(theme.table), question=question.words)
    s.call("list_tables")
    s.call("describe_table", table=theme.table)
    _answer(s, question)


def ask_join(s: Script) -> Iterator[None]:
    theme = _tables(s)
    yield
    question = _question(s, theme, "join")
    s.ask("known", table=theme.table, question=question.words)
    s.together(("describe_table", {"table": theme.table}), ("describe_table", {"table": theme.other}))
    _answer(s, question)


def ask_misspelt(s: Script) -> Iterator[None]:
    theme = _tables(s)
    yield
    question = _question(s, theme, s.v.choice(SIMPLE))
    wrong = s.v.choice(
        (f"{theme.table}_list", f"all_{theme.table}", f"{theme.table}_old", f"my_{theme.table}")
    )
    s.ask("misspelt", wrong=wrong, question=question.words)
    s.refused("not_found", "describe_table", table=wrong)
    s.call("list_tables")
    s.call("describe_table", table=theme.table)
    _answer(s, question)


def two(s: Script) -> Iterator[None]:
    theme = _tables(s)
    yield
    s.ask("two", tables=[theme.table, theme.other])
    found = s.together(("describe_table", {"table": theme.table}), ("describe_table", {"table": theme.other}))
    told = [
        f"{name}: {', '.join(f['columns'])}"
        for name, f in zip((theme.table, theme.other), found, strict=True)
    ]
    s.say(f"{'; '.join(told)}.", theme.name, theme.label)


def stats(s: Script) -> Iterator[None]:
    theme = _tables(s)
    yield
    s.ask("stats", measure=_said(theme.measure), group=_said(theme.group), table=theme.table)
    s.show("run_query")
    bounds, values = s.together(
        ("column_stats", {"table": theme.table, "column": theme.measure}),
        ("distinct_values", {"table": theme.table, "column": theme.group}),
    )
    told = f"{_said(theme.measure)} lies between {bounds['min']} and {bounds['max']}"
    s.say(f"{told}; {_said(theme.group)} is {listed(values['values'])}.", bounds["min"], bounds["max"])


def insert(s: Script) -> Iterator[None]:
    theme = _tables(s)
    yield
    v = s.v
    values = {
        theme.name: v.person(),
        theme.group: v.choice(theme.groups),
        theme.measure: _measured(s, theme),
        theme.day: v.date(-8, 0).isoformat(),
        theme.key: v.count(1, 3),
    }
    layout = v.choice(("{}: {}", "{} = {}", "{} - {}"))
    s.ask("insert", table=theme.table, values="\n".join(layout.format(*pair) for pair in values.items()))
    made = s.call("insert_row", table=theme.table, values=values)
    s.say(f"[Added|Inserted] with id {made['id']}.", made["id"], row_number=made["id"])


def _someone(s: Script, theme: Theme, place: int) -> tuple[str, str]:
    """A row's name, and another group for it; requests that may share a table take different rows."""
    row = s.state["tables"][theme.table]["rows"][place]
    return row[1], s.v.choice([value for value in theme.groups if value != row[2]])


def update(s: Script) -> Iterator[None]:
    theme = _tables(s)
    who, new = _someone(s, theme, 0)
    yield
    s.ask("update", table=theme.table, group=theme.group, name=theme.name, who=who, new=new)
    s.show("insert_row", "delete_rows")
    s.call("update_rows", table=theme.table, values={theme.group: new}, where={theme.name: who})
    s.say(f"The {_said(theme.group)} of {who} is {new} now.", new)


def delete(s: Script) -> Iterator[None]:
    theme = _tables(s)
    who, _ = _someone(s, theme, 1)
    yield
    s.ask("delete", table=theme.table, name=theme.name, who=who)
    s.show("update_rows")
    made = s.call("delete_rows", table=theme.table, where={theme.name: who})
    s.say(f"{made['deleted']} row is deleted: {who}.", who)


def fix(s: Script) -> Iterator[None]:
    theme = _tables(s)
    who, new = _someone(s, theme, 2)
    yield
    s.ask("which_change", group=theme.group, who=who, table=theme.table)
    s.show("update_rows", "run_query")
    s.say(f"[Which value should it be|Which value is right]: {listed(theme.groups)}?")
    s.ask("to_value", new=new)
    s.call("describe_table", table=theme.table)
    s.call("update_rows", table=theme.table, values={theme.group: new}, where={theme.name: who})
    s.say(f"The {_said(theme.group)} of {who} is {new} now.", new)


def explore(s: Script) -> Iterator[None]:
    theme, many = _tables(s), s.v.count(2, 3)
    yield
    first, second = (_question(s, theme, kind) for kind in s.v.some(SIMPLE, 2, 2))
    s.ask("known", table=theme.table, question=first.words)
    s.call("describe_table", table=theme.table)
    _answer(s, first)
    if s.v.chance(0.5):
        s.ask("and_rows", many=many)
        rows = s.call("sample_rows", table=theme.table, limit=many)["rows"]
        s.say(f"{'; '.join(f'{row[0]} {row[1]}' for row in rows)}.", rows[0][1])
    s.ask("and_question", question=second.words)
    _answer(s, second)


TASKS = (
    Task(ask_known, ("sql", "chain"), 3),
    Task(ask_unknown, ("sql", "chain"), 4),
    Task(ask_join, ("sql",), 3),
    Task(ask_misspelt, ("sql", "retry"), 5),
    Task(two, ("parallel",), 2),
    Task(stats, ("parallel", "sql"), 2),
    Task(insert, ("extraction",), 2),
    Task(update, ("ambiguous", "short"), 2),
    Task(delete, ("ambiguous", "short"), 2),
    Task(fix, ("ambiguous",), 4),
    Task(explore, ("dialogue", "sql"), 7),
)

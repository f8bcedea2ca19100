"""Every tool of every world: valid calls, refusals, determinism, a JSON state, no way out of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.scenarios.generate import FAMILIES, generate
from lab.scenarios.worlds import NOVEL_WORLDS, TRAIN_WORLDS, WORLDS, load_world
from lab.scenarios.worlds.base import World
from lab.session import Session

TOOLS = [(world, name) for world in WORLDS for name in load_world(world).tools()]
each_tool = pytest.mark.parametrize(("world", "name"), TOOLS, ids=[f"{w}-{t}" for w, t in TOOLS])
each_world = pytest.mark.parametrize("world", WORLDS)

# Arguments for the tools that no generated request calls.
BY_HAND: dict[str, dict[str, Any]] = {
    "list_services": {},
    "save_query": {"title": "t", "sql": "SELECT 1", "share": "team"},
    "chart_query": {"sql": "SELECT 1", "chart": {"kind": "bar"}},
    "list_accounts": {},
}


@cache
def some_sessions() -> tuple[Session, ...]:
    families = [family for family in FAMILIES if not family.startswith("catalog")]
    return tuple(session for family in families for session in generate(family, n=200, seed=9))


@cache
def gold_calls() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Tool -> a state it can be called in, and arguments that it accepts there."""
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for session in some_sessions():
        goal = session.session.world
        assert goal is not None
        world = load_world(goal.name).from_state(goal.initial_state)
        for name, arguments in calls_of(session):
            before = world.state()
            if "error" not in world.call(name, arguments):
                found.setdefault(name, (before, arguments))
    for name, arguments in BY_HAND.items():
        home = next(world for world, tool in TOOLS if tool == name)
        found[name] = (initial_state(home), arguments)
    return found


def initial_state(world: str) -> dict[str, Any]:
    goals = (session.session.world for session in some_sessions())
    return next(goal.initial_state for goal in goals if goal is not None and goal.name == world)


def calls_of(session: Session) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in session.messages:
        for made in message.tool_calls or ():
            yield made.function.name, json.loads(made.function.arguments)


def world_for(world: str, name: str) -> tuple[World, dict[str, Any]]:
    state, arguments = gold_calls()[name]
    return load_world(world).from_state(state), arguments


def code(result: dict[str, Any]) -> str:
    assert result.keys() == {"error"}
    assert result["error"].keys() == {"code", "message"}
    assert len(result["error"]["message"]) <= 160
    return str(result["error"]["code"])


# The catalogs


def test_there_are_eight_worlds_and_two_held_out_ones_with_8_to_16_tools_each() -> None:
    assert len(TRAIN_WORLDS) == 8
    assert len(NOVEL_WORLDS) == 2
    assert all(8 <= len(load_world(world).tools()) <= 16 for world in WORLDS)


def test_tool_names_are_unique_over_all_worlds() -> None:
    assert len({name for _, name in TOOLS}) == len(TOOLS)


def test_held_out_worlds_have_tools_and_arguments_of_their_own() -> None:
    def arguments(worlds: tuple[str, ...]) -> set[str]:
        tools = [tool for world in worlds for tool in load_world(world).TOOLS]
        return {name for tool in tools for name in tool.parameters["properties"]}

    shared = arguments(NOVEL_WORLDS) & arguments(TRAIN_WORLDS)
    assert shared <= set()


@each_tool
def test_a_tool_has_a_valid_schema_and_one_short_sentence(world: str, name: str) -> None:
    tool = load_world(world).tools()[name]
    jsonschema.Draft202012Validator.check_schema(tool.parameters)
    assert tool.description.endswith(".")
    assert len(tool.description) <= 70
    assert len(json.dumps(tool.parameters)) <= 700


def test_schemas_have_enums_dates_nested_objects_arrays_and_optional_arguments() -> None:
    for world in TRAIN_WORLDS:
        schemas = [tool.parameters for tool in load_world(world).TOOLS]
        text = json.dumps(schemas)
        assert '"enum"' in text
        assert any(len(schema["required"]) < len(schema["properties"]) for schema in schemas)
    everything = json.dumps([tool.parameters for world in WORLDS for tool in load_world(world).TOOLS])
    for part in ('"format": "date"', '"type": "array"', '"default"', '"minimum"'):
        assert everything.count(part) >= 8


def test_an_unknown_world_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="Did you mean 'travel'"):
        load_world("travels")


# Every tool


@each_tool
def test_a_valid_call_answers_and_the_state_stays_json(world: str, name: str) -> None:
    running, arguments = world_for(world, name)
    result = running.call(name, arguments)
    assert "error" not in result, result
    assert json.loads(json.dumps(result)) == result
    assert json.loads(json.dumps(running.state())) == running.state()


@each_tool
def test_the_same_call_from_the_same_state_gives_the_same_result_and_state(world: str, name: str) -> None:
    one, arguments = world_for(world, name)
    two = load_world(world).from_state(json.loads(json.dumps(one.state())))
    assert one.call(name, arguments) == two.call(name, arguments)
    assert one.state() == two.state()


@each_tool
def test_wrong_arguments_are_refused_and_change_nothing(world: str, name: str) -> None:
    running, arguments = world_for(world, name)
    before = running.state()
    wrong: list[Any] = [None, [], "text", 7, {**arguments, "surprise": 1}]
    required = running.tools()[name].parameters["required"]
    if required:
        wrong += [{}, {**arguments, required[0]: None}, {**arguments, required[-1]: [[]]}]
    for each in wrong:
        assert code(running.call(name, each)) == "invalid_arguments"
    assert running.state() == before


@each_world
def test_unknown_tools_and_attributes_of_the_class_are_not_dispatched(world: str) -> None:
    running = load_world(world).from_state(initial_state(world))
    for name in ("state", "call", "_find", "__init__", "from_state", "eval", "", "x" * 10_000):
        assert code(running.call(name, {})) == "unknown_tool"


def json_for(schema: Any) -> st.SearchStrategy[Any]:
    """Values near a schema: mostly of its types, with sizes and texts it does not expect."""
    texts = st.one_of(
        st.text(max_size=8),
        st.sampled_from(["2026-02-28", "9999-12-31", "24:00", "09:30", "/", "'", "\ud800"]),
    )
    kind = schema.get("type")
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if kind == "object" and "properties" in schema:
        return st.fixed_dictionaries({name: json_for(each) for name, each in schema["properties"].items()})
    if kind == "object":
        return st.dictionaries(texts, st.one_of(texts, st.integers(), st.none(), st.booleans()), max_size=3)
    if kind == "array":
        return st.lists(json_for(schema["items"]), max_size=3)
    if kind == "integer":
        return st.one_of(st.integers(-3, 400), st.just(10**40), st.sampled_from([5.0, 1e300]))
    if kind == "number":
        return st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    return st.booleans() if kind == "boolean" else texts


@each_world
@settings(max_examples=60)
@given(data=st.data())
def test_nothing_a_model_can_write_raises_or_leaves_json(world: str, data: st.DataObject) -> None:
    kind = load_world(world)
    tool = data.draw(st.sampled_from(kind.TOOLS))
    state, arguments = gold_calls()[tool.name]
    running = kind.from_state(state)
    drawn = data.draw(json_for(tool.parameters))
    kept = data.draw(st.sets(st.sampled_from(sorted(arguments)))) if arguments else set()
    before = running.state()
    result = running.call(tool.name, {**drawn, **{name: arguments[name] for name in kept}})
    json.dumps([result, running.state()])
    assert "error" not in result or running.state() == before


def test_ids_do_not_depend_on_the_order_of_creation() -> None:
    bank = load_world("bank")
    state = gold_calls()["add_payee"][0]
    calls = [{"name": "A", "iban": "DE0012345678"}, {"name": "B", "iban": "DE0012345679"}]
    one, two = bank.from_state(state), bank.from_state(state)
    first = [one.call("add_payee", each) for each in calls]
    second = [two.call("add_payee", each) for each in reversed(calls)]
    assert first == second[::-1]
    assert one.state() == two.state()
    assert one.call("add_payee", calls[0]) != first[0]


def test_an_integral_float_is_taken_as_the_integer_it_is() -> None:
    running, arguments = world_for("devops", "scale_service")
    assert running.call("scale_service", {**arguments, "replicas": 3.0})["replicas"] == 3
    assert isinstance(running.state()["services"][arguments["service"]]["replicas"], int)


# SQL


@pytest.fixture
def database() -> World:
    rows = [[1, "Ann", 3], [2, "Bob", 5], [3, "Cy", None]]
    columns = {"id": "INTEGER", "name": "TEXT", "age": "INTEGER"}
    return load_world("database").from_state(
        {"serial": 0, "tables": {"people": {"columns": columns, "rows": rows}}, "saved": {}}
    )


def query(world: World, sql: str) -> dict[str, Any]:
    return world.call("run_query", {"sql": sql})


def test_queries_answer_with_columns_and_rows(database: World) -> None:
    result = query(database, "SELECT name, age * 2 AS twice FROM people WHERE age > 2 ORDER BY name DESC;")
    assert result == {"columns": ["name", "twice"], "rows": [["Bob", 10], ["Ann", 6]]}
    assert query(database, "select avg(age), count(*) from people")["rows"] == [[4.0, 3]]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO people VALUES (4, 'D', 1)",
        "UPDATE people SET age = 1",
        "DELETE FROM people",
        "DROP TABLE people",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "ALTER TABLE people ADD COLUMN x",
        "ATTACH DATABASE 'file.db' AS other",
        "ATTACH DATABASE ':memory:' AS other",
        "DETACH DATABASE main",
        "VACUUM INTO 'file.db'",
        "PRAGMA writable_schema = 1",
        "PRAGMA table_info(people)",
        "BEGIN",
        "SELECT 1; DROP TABLE people",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('x', 'y')",
        "SELECT random()",
        "SELECT randomblob(1000000000)",
        "SELECT zeroblob(1000000000)",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT date('now')",
        "SELECT CURRENT_TIMESTAMP",
        "SELECT hex(name) FROM people",
        "SELECT sqlite_version()",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "SELECT count(*) FROM people a, people b, people c, people d, people e, people f, people g, people h,"
        " people i, people j, people k, people l, people m",
        "SELECT nothing FROM people",
        "",
        "-- only a remark",
        "SELECT '\x00",
        "SELECT '\ud800'",
        "x" * 30_000,
    ],
)
def test_sql_cannot_write_escape_run_on_or_read_a_clock(
    database: World, sql: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = database.state()
    assert code(query(database, sql)) in {"sql_error", "invalid_arguments"}
    assert database.state() == before
    assert not list(tmp_path.iterdir())


def test_long_results_are_cut_and_say_so(database: World) -> None:
    result = query(database, "SELECT a.id FROM people a, people b, people c")
    assert len(result["rows"]) == 20
    assert result["truncated"]


def test_structured_changes_are_seen_by_the_next_query(database: World) -> None:
    made = database.call("insert_row", {"table": "people", "values": {"name": "D'Arcy; --", "age": 9}})
    assert made == {"inserted": 1, "id": 4}
    changed = database.call(
        "update_rows", {"table": "people", "values": {"age": 6}, "where": {"name": "Bob"}}
    )
    assert changed == {"updated": 1}
    assert database.call("delete_rows", {"table": "people", "where": {"id": 1}}) == {"deleted": 1}
    assert query(database, "SELECT id, name, age FROM people")["rows"] == [
        [2, "Bob", 6],
        [3, "Cy", None],
        [4, "D'Arcy; --", 9],
    ]
    assert code(database.call("delete_rows", {"table": "people", "where": {}})) == "no_condition"
    assert (
        code(database.call("update_rows", {"table": "people", "values": {"id": 7}, "where": {}}))
        == "invalid_value"
    )


# What the domains promise


def test_a_double_booking_a_sold_out_flight_and_an_overdraft_are_refused() -> None:
    office, event = world_for("office", "create_event")
    assert "event_id" in office.call("create_event", event)
    assert code(office.call("create_event", event)) == "conflict"
    travel, booking = world_for("travel", "book_flight")
    crowd = {**booking, "passengers": [f"P{number}" for number in range(99)]}
    assert code(travel.call("book_flight", crowd)) == "sold_out"
    bank, payment = world_for("bank", "pay")
    assert code(bank.call("pay", {**payment, "amount": 10**9})) == "insufficient_funds"
    assert code(bank.call("pay", {**payment, "amount": -5})) == "invalid_amount"


def test_dates_and_times_must_exist() -> None:
    travel, arguments = world_for("travel", "search_flights")
    assert code(travel.call("search_flights", {**arguments, "date": "2026-02-30"})) == "invalid_arguments"
    office, event = world_for("office", "create_event")
    assert code(office.call("create_event", {**event, "time": "25:00"})) == "invalid_arguments"


def test_nested_objects_take_no_unknown_key() -> None:
    travel, arguments = world_for("travel", "rent_car")
    wrong = {**arguments, "driver": {**arguments["driver"], "hobby": "chess"}}
    assert code(travel.call("rent_car", wrong)) == "invalid_arguments"

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import jsonschema
import pytest

from lab.errors import UserError
from lab.models.examples import examples_of
from lab.scenarios.generate import generate, generate_shared
from lab.session import Session, as_matcher, dump_session, parse_session
from lab.train import masking
from lab.train.config import AdapterConfig
from lab.train.masking import mask_names

SEEDS = range(6)  # with six agents and more enough for every style, both orders and invented names


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"item_name": {"type": "string"}, "quantity": {"type": "integer"}},
        "required": ["item_name"],
    },
}
TOOLS = [
    tool("get_order", order_id={"type": "string", "description": "order_id of list_orders"}),
    tool("list_orders", "List what get_order takes.", status={"enum": ["open", "order_id"]}),
    tool("place_order", lines=LINES, ship_date={"type": "string", "format": "date"}),
    tool("pay", amount={"type": "number"}),
]


def shop(
    session_id: str = "shop/0", *, asked: str = "Order two cups.", refusal: str = "no", **more: Any
) -> Session:
    """Refused once, then placed; the reply names a tool, and one call is history of a tool that is gone."""
    placed = '{"lines": [{"item_name": "tasse ü", "quantity": 2}], "ship_date": "2026-09-19"}'
    asks = [
        ("place_order", placed),
        ("gone_tool", '{"order_id":1}'),
        ("list_orders", '{"status": "order_id"}'),
    ]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Use get_order with an order_id. Do not use pay."},
        {"role": "user", "content": asked},
    ]
    for index, (name, arguments) in enumerate(asks):
        call = {"id": f"c{index}", "function": {"name": name, "arguments": arguments}}
        result = f'{{"error":{{"message":"{refusal}"}}}}' if index == 0 else '{"ship_date":"2026-09-20"}'
        messages += [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{index}", "content": result},
        ]
    messages.append({"role": "assistant", "content": "I may not use pay, but list_orders."})
    lines = [{"item_name": "tasse ü", "quantity": 2}]
    calls = [
        {"name": "place_order", "arguments": {"lines": {"any_of": [lines, []]}, "ship_date": "2026-09-19"}}
    ]
    other = [{"name": "list_orders", "arguments": {"status": {"any_of": ["open"], "optional": True}}}]
    return Session.model_validate(
        {
            "schema": "agent-session/1",
            "id": session_id,
            "source": {"name": "test", "license": "MIT"},
            "tools": TOOLS,
            "messages": messages,
            "calls": [
                {"at": 2, "expect": {"kind": "calls", "calls": calls, "alternatives": [other]}},
                {"at": 6, "tools_visible": ["list_orders"], "expect": {"kind": "calls", "calls": other}},
                {"at": 8, "expect": {"kind": "no_call"}},
            ],
            "session": {"success": "world_state", "world": {"name": "orders"}},
            **more,
        }
    )


@pytest.fixture(scope="module")
def generated() -> list[Session]:
    """Four sessions an agent, of several worlds."""
    wanted = {"chain": 8, "dialogue": 4, "no-call": 4, "parallel": 8}
    return list(generate_shared(wanted, share=4, seed=1, split="train"))


def names(session: Session) -> dict[str, int]:
    return {tool.function.name: index for index, tool in enumerate(session.tools)}


def recorded(session: Session) -> Iterator[tuple[str, str]]:
    """Name and arguments of the recorded calls whose tool is in the catalog."""
    for message in session.messages:
        for call in message.tool_calls or ():
            if call.function.name in names(session):
                yield call.function.name, call.function.arguments


def closed(schema: Any) -> Any:
    """The schema, without room for other parameters at any level."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return found | {"additionalProperties": False} if schema.get("type") == "object" else found


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        return [
            leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in leaves(inner)
        ]
    return [value]


def test_with_share_0_nothing_changes(generated) -> None:
    assert mask_names(generated, 0, 0) == generated


def test_with_share_1_every_tool_of_many_agents_gets_other_names(generated) -> None:
    pairs = list(zip(generated, mask_names(generated, 1, 0), strict=True))
    old = [name for session, _ in pairs for name in names(session)]
    new = [name for _, session in pairs for name in names(session)]
    assert sum(a != b for a, b in zip(old, new, strict=True)) > 0.7 * len(old)
    assert all(before.tools != after.tools for before, after in pairs)


def test_names_differ_in_style_words_and_their_order() -> None:
    drawn = [mask_names([shop()], 1, seed)[0].tools[1] for seed in range(300)]
    found = " ".join(tool.function.name for tool in drawn)
    words = "(list|enumerate|show|get|all)", "(order|purchase|sale|transaction)s"
    for first, last in (words, words[::-1]):
        snake = rf"{first}_{last}"
        for style in (snake, rf"[a-z]{{4,6}}_{snake}", rf"{first}-{last}", rf"(?i:{first}{last})"):
            assert re.search(rf"(?<!\S){style}(?!\S)", found), style
    assert re.search(r"(?<!\S)[a-z]+[A-Z][a-z]+(?!\S)", found)
    assert re.search(r"(?<!\S)[A-Z][a-z]+[A-Z][a-z]+(?!\S)", found)
    assert {noun.lower() for noun in re.findall(r"(?i)order|purchase|sale|transaction", found)} == {
        "order",
        "purchase",
        "sale",
        "transaction",
    }
    assert len(re.findall(r"(?i)(?:order|purchase|sale|transaction)s", found)) in range(240, 285)  # 7 of 8


def test_a_share_masks_about_so_many_agents() -> None:
    sessions = [shop()]
    masked = [mask_names(sessions, 0.5, seed) != sessions for seed in range(200)]
    assert 70 < sum(masked) < 130


@pytest.mark.parametrize("seed", SEEDS)
def test_recorded_and_expected_calls_fit_the_renamed_schemas(generated, seed) -> None:
    sessions = [*generated, shop()]
    for before, after in zip(sessions, mask_names(sessions, 1, seed), strict=True):
        tools = {tool.function.name: tool.function.parameters for tool in after.tools}
        calls = list(recorded(after))
        assert len(calls) == len(list(recorded(before)))
        for name, arguments in calls:
            jsonschema.validate(json.loads(arguments), closed(tools[name]))
        for call in after.calls:
            assert {found["function"]["name"] for found in after.catalog(call)} <= tools.keys()
            for expected in chain(call.expect.calls, *call.expect.alternatives):
                properties: Any = closed(tools[expected.name])["properties"]
                for key, matcher in expected.matchers().items():
                    for value in matcher.any_of or ():
                        jsonschema.validate(value, properties[key])


@pytest.mark.parametrize("seed", SEEDS)
def test_each_call_goes_to_the_tool_that_took_the_old_ones_place(generated, seed) -> None:
    for before, after in zip(generated, mask_names(generated, 1, seed), strict=True):
        old, new = names(before), names(after)
        assert [old[name] for name, _ in recorded(before)] == [new[name] for name, _ in recorded(after)]
        for one, other in zip(before.calls, after.calls, strict=True):
            assert [old[c.name] for c in one.expect.calls] == [new[c.name] for c in other.expect.calls]


@pytest.mark.parametrize("seed", SEEDS)
def test_values_and_their_json_stay(generated, seed) -> None:
    sessions = [*generated, shop()]
    for before, after in zip(sessions, mask_names(sessions, 1, seed), strict=True):
        for (_, one), (_, other) in zip(recorded(before), recorded(after), strict=True):
            assert leaves(json.loads(one)) == leaves(json.loads(other))
            assert other == json.dumps(json.loads(other), ensure_ascii=False)
        for one_call, other_call in zip(before.calls, after.calls, strict=True):
            for one_expected, other_expected in zip(
                one_call.expect.calls, other_call.expect.calls, strict=True
            ):
                one_values = [as_matcher(v).any_of for v in one_expected.arguments.values()]
                other_values = [as_matcher(v).any_of for v in other_expected.arguments.values()]
                assert leaves([list(v or ()) for v in one_values]) == leaves(
                    [list(v or ()) for v in other_values]
                )


@pytest.mark.parametrize("seed", SEEDS)
def test_names_are_distinct_at_every_level(generated, seed) -> None:
    for before, after in zip(generated, mask_names(generated, 1, seed), strict=True):
        for one, other in zip(before.tools, after.tools, strict=True):
            old: Any = one.function.parameters["properties"]
            new: Any = other.function.parameters["properties"]
            assert len(old) == len(new)
        assert len(names(before)) == len(names(after))


def test_names_that_would_meet_stay_apart(monkeypatch) -> None:
    monkeypatch.setattr(masking, "_synonyms", lambda: {word: ["same"] for word in ("get", "list", "read")})
    tools = [tool(f"{verb}_x", get={}, list={}, read={}) for verb in ("get", "list", "read")]
    calls = [{"at": 2, "expect": {"kind": "any"}}]
    for seed in SEEDS:
        (session,) = mask_names([shop(tools=tools, calls=calls)], 1, seed)
        assert [len(set(t.function.parameters["properties"])) for t in session.tools] == [3, 3, 3]
        assert len(names(session)) == 3


def test_sessions_of_one_agent_go_on_sharing_their_prompt(tokenizer) -> None:
    one, other = mask_names([shop("shop/0"), shop("shop/1", asked="Cups, please.")], 1, 3)
    assert one.tools == other.tools
    assert one.tools != shop().tools
    assert one.messages[0] == other.messages[0]
    first, second = examples_of(one, tokenizer)[0].ids, examples_of(other, tokenizer)[0].ids
    common = next(place for place in range(len(first)) if first[place] != second[place])
    assert tokenizer.decode(first[:common].tolist()).endswith("user\n")


def test_another_seed_or_agent_draws_other_names(generated) -> None:
    assert mask_names(generated, 1, 5) == mask_names(generated, 1, 5)
    assert mask_names(generated, 1, 5) != mask_names(generated, 1, 6)
    # An agent's names do not depend on who else there is.
    assert mask_names([shop("shop/1")], 1, 5) == mask_names([*generated, shop(), shop("shop/1")], 1, 5)[-1:]
    other = shop(messages=[{"role": "system", "content": "Hi"}, *shop().model_dump()["messages"][1:]])
    one, two = mask_names([shop(), other], 1, 5)
    assert one.tools != two.tools


@pytest.mark.parametrize("seed", SEEDS)
def test_texts_that_name_a_tool_or_parameter_follow(seed) -> None:
    talk = "Is get_order right? I pay by forget_order."
    (session,) = mask_names([shop(asked=talk, refusal="ship_date is over")], 1, seed)
    get_order, list_orders, place_order, pay = names(session)
    properties: Any = [found.function.parameters["properties"] for found in session.tools]
    order_id, ship_date = next(iter(properties[0])), list(properties[2])[1]
    texts = [message.content for message in session.messages]
    assert texts[0] == f"Use {get_order} with an {order_id}. Do not use {pay}."
    assert texts[1] == f"Is {get_order} right? I pay by forget_order."
    assert texts[3] == f'{{"error":{{"message":"{ship_date} is over"}}}}'
    assert texts[5] == '{"ship_date":"2026-09-20"}'  # a result's field
    assert texts[-1] == f"I may not use {pay}, but {list_orders}."
    assert session.tools[1].function.description == f"List what {get_order} takes."
    assert properties[0][order_id]["description"] == f"{order_id} of {list_orders}"
    assert properties[1][next(iter(properties[1]))]["enum"] == ["open", "order_id"]
    assert place_order == session.messages[2].tool_calls[0].function.name


def test_talk_of_a_value_that_reads_like_a_name_stays() -> None:
    (session,) = mask_names([shop(asked="List those of order_id.")], 1, 0)
    assert session.messages[1].content == "List those of order_id."


def test_a_call_of_a_tool_outside_the_catalog_stays() -> None:
    (session,) = mask_names([shop()], 1, 0)
    call = session.messages[4].tool_calls[0].function
    assert (call.name, call.arguments) == ("gone_tool", '{"order_id":1}')


def test_parameters_that_a_schema_refers_to_keep_their_names() -> None:
    schema = {"type": "object", "properties": {"order_id": {"$ref": "#/properties/id"}, "id": {}}}
    tools = [{"type": "function", "function": {"name": "get_order", "parameters": schema}}]
    (session,) = mask_names([shop(tools=tools, calls=[{"at": 2, "expect": {"kind": "any"}}])], 1, 0)
    assert session.tools[0].function.parameters == schema


def test_the_default_of_an_object_follows() -> None:
    default = [{"item_name": "cup"}]
    tools = [tool("place_order", lines=LINES | {"default": default})]
    (session,) = mask_names([shop(tools=tools, calls=[{"at": 2, "expect": {"kind": "any"}}])], 1, 0)
    properties: Any = closed(session.tools[0].function.parameters)["properties"]
    (lines,) = properties.values()
    assert lines["default"] != default
    jsonschema.validate(lines["default"], lines)


def test_a_masked_session_is_valid_and_has_no_world() -> None:
    (session,) = mask_names([shop()], 1, 0)
    assert parse_session(dump_session(session), "masked") == session
    assert session.session.world is None


def test_the_table_knows_the_words_of_the_training_worlds() -> None:
    known = masking._synonyms()
    for word, others in known.items():
        assert 2 <= len(set(others) - {word}) == len(others) <= 5
    sessions = generate("catalog-64", n=3, seed=0, split="train")
    found = {
        word
        for session in sessions
        for tool in session.tools
        for name in (tool.function.name, *masking._parameters(tool.function.parameters))
        for word in masking._words(name)
    }
    assert len(found) > 100
    assert {word for word in found if word not in known and masking._singular(word) is None} == set()


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_within_0_and_1(share) -> None:
    with pytest.raises(UserError, match="--mask-names"):
        AdapterConfig(mask_names=share)

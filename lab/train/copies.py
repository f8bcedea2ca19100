"""Sessions of one call that copies several words, for a tokenizer that spells them differently there.

Behind a blank ` Glasgow` is one token, behind a quote `Gl` and `asgow` are two (`lab.train.words`). A session
of an agent has one or two such words among hundreds of tokens; one of these has about twelve, and most of
its tokens are the words and their copies. They are copied from behind a blank to behind a quote, as arguments
are, and the other way round, as a table's name is from a result into a query.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from lab.session import SCHEMA, Session

SHARE = 24  # sessions in a row with one system prompt and catalog
_VERBS = ("save", "add", "record", "register", "enter", "log", "store", "submit")
_NOUNS = ("entry", "record", "card", "form", "profile", "item", "report", "sheet")
_FIELDS = (
    "title subject name place owner label topic group brand model street region origin team author editor "
    "category section department contact product material style reason source target status remark"
)
_LISTS = "tags keywords names terms labels members parts entries"
_SYSTEM = (
    "You keep the records of an office.",
    "You are an assistant with tools.",
    "You file what the user tells you.",
    "You are a clerk. Call a tool whenever one fits.",
)
_ASKED = (
    "{verb} this {noun}, please.",
    "Please {verb} the following {noun}.",
    "A new {noun} to {verb}.",
    "Could you {verb} one more {noun}?",
    "I need you to {verb} this {noun} for me.",
)


def copies(number: int, seed: int, words: Sequence[str]) -> list[Session]:
    """So many sessions, whose words are taken from a shuffled `words` in turn; the same for the same seed.

    Args:
        words: to choose from, at least one, such as `lab.train.words.words_of` a tokenizer.
    """
    rng = random.Random(f"{seed}/copies")
    taken = _in_turn(words, rng)
    found: list[Session] = []
    while len(found) < number:
        system = f"{rng.choice(_SYSTEM)} Today is 2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}."
        tools = [_tool(name, rng) for name in rng.sample([(v, n) for v in _VERBS for n in _NOUNS], 2)]
        for _ in range(min(SHARE, number - len(found))):
            found.append(_session(f"copies/{seed}/{len(found):04}", system, tools, taken, rng))
    return found


def _in_turn(words: Sequence[str], rng: random.Random) -> Iterator[str]:
    while True:
        yield from rng.sample(words, len(words))


def _tool(name: tuple[str, str], rng: random.Random) -> dict[str, Any]:
    fields = rng.sample(_FIELDS.split(), rng.randint(6, 9))
    properties: dict[str, Any] = {field: {"type": "string"} for field in fields}
    properties[rng.choice(_LISTS.split())] = {"type": "array", "items": {"type": "string"}}
    parameters = {"type": "object", "properties": properties, "required": fields[:1]}
    described = {"name": "_".join(name), "description": f"{name[0].capitalize()} one {name[1]}."}
    return {"type": "function", "function": described | {"parameters": parameters}}


def _session(
    name: str, system: str, tools: list[dict[str, Any]], words: Iterator[str], rng: random.Random
) -> Session:
    tool = rng.choice(tools)["function"]
    verb, noun = tool["name"].split("_")
    properties = tool["parameters"]["properties"]
    first, *others = (field for field in properties if properties[field]["type"] == "string")
    chosen = {first, *rng.sample(others, rng.randint(2, len(others)))}
    arguments: dict[str, Any] = {}
    for field in properties:
        if field in chosen:
            arguments[field] = " ".join(next(words) for _ in range(rng.choice((1, 1, 1, 2, 4))))
        elif properties[field]["type"] == "array" and rng.random() < 1 / 2:
            arguments[field] = [next(words) for _ in range(rng.randint(3, 9))]
    asked = rng.choice(_ASKED).format(verb=verb, noun=noun)
    made = {"name": tool["name"], "arguments": json.dumps(arguments, ensure_ascii=False)}
    return Session.model_validate(
        {
            "schema": SCHEMA,
            "id": name,
            "tags": ["copies"],
            "source": {"name": "specquant-lab", "license": "Apache-2.0"},
            "tools": tools,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": f"{asked}{_told(arguments, rng)}"},
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c1", "type": "function", "function": made}],
                },
            ],
            "calls": [
                {
                    "at": 2,
                    "expect": {"kind": "calls", "calls": [{"name": tool["name"], "arguments": arguments}]},
                }
            ],
        }
    )


def _told(arguments: dict[str, Any], rng: random.Random) -> str:
    """What the user says of the arguments, in an order and a form of its own."""
    begin, form, between = rng.choice(
        (
            ("\n", "{field}: {value}", "\n"),
            (" ", "The {field} is {value}.", " "),
            (" ", "{field} {value}", ", "),
            (" ", "{value} is the {field}.", " "),
            (" ", "Put {value} under {field}.", " "),
            ("\n- ", "{field} {value}", "\n- "),
            (" Its fields: ", "{field} = {value}", "; "),
        )
    )
    joined, quoted = rng.choice((", ", " and ", " ")), rng.random() < 1 / 2
    parts = []
    for field, value in arguments.items():
        words = value.split() if isinstance(value, str) else value
        said = [f'"{word}"' for word in words] if quoted else words
        told = (" " if isinstance(value, str) else joined).join(said)
        parts.append(form.format(field=field, value=told))
    return begin + between.join(rng.sample(parts, len(parts)))

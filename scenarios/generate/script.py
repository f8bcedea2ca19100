"""One session while it is written: the user's turns, gold calls run in the world, and answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import CLOSERS, OPENERS, SYSTEM, Phrases, expand, spoken
from lab.scenarios.worlds import TRAIN_WORLDS, load_world
from lab.scenarios.worlds.base import JSON, World
from lab.session import Session, Tool

_LIMITS = (128, 256, 512)  # tokens of a reply
_CHARACTERS_PER_TOKEN = 1.7  # of recorded replies, whose ids are one token a digit; a lower bound


@dataclass(frozen=True, slots=True)
class Loose:
    """A gold argument of which other values are right too; `matcher` is what the session expects."""

    value: Any
    matcher: JSON


def norm(value: str) -> Loose:
    """Text where case does not count."""
    return Loose(value, {"any_of": [value], "cmp": "string_norm"})


def unordered(value: Sequence[Any]) -> Loose:
    """A list whose order does not count."""
    return Loose(list(value), {"any_of": [list(value)], "cmp": "set"})


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of request in one world.

    `run` is a generator: it adds to the initial state, yields once, and then speaks and calls. So several
    tasks can share one state. `calls` is the most model calls it makes.
    """

    run: Callable[[Script], Iterator[None]]
    families: tuple[str, ...]
    calls: int

    @property
    def name(self) -> str:
        return self.run.__name__


@dataclass(frozen=True, slots=True)
class Agent:
    """Who answers a session: what comes before its first user turn.

    Attributes:
        policy: the rule that the system prompt contains.
        forbidden: the tool that the rule forbids, if it does.
        catalog: the visible tools in their order, (world, tool).
    """

    world: str
    today: date
    policy: str
    forbidden: str
    system: str
    catalog: tuple[tuple[str, str], ...]


class Script:
    """Writes one session in one world.

    Attributes:
        state: the initial state; tasks add to it before they yield.
        facts: what the answers have told so far: label -> value.
        policy: a rule that is added to the system prompt.
        forbidden: the tool that the rule forbids, if it does.
        tasks: the names of the tasks performed.
        called: the names of the tools called, in order.
        strangers: whether a tool of another world may be among the visible ones.
    """

    def __init__(self, world: str, phrases: Mapping[str, Phrases], values: Values):
        self.world_name, self.phrases, self.v = world, phrases, values
        self.kind = load_world(world)
        self.state: JSON = {}
        self.facts: dict[str, str] = {}
        self.policy = ""
        self.forbidden = ""
        self.tasks: list[str] = []
        self.called: list[str] = []
        self.strangers = True
        self._running: World | None = None
        self._shown: dict[str, None] = {}
        self._messages: list[JSON] = []
        self._calls: list[JSON] = []
        self._statements: tuple[str, ...] = ()
        self._templates: list[str] = []
        self._longest = 0  # characters of a reply
        self._made = 0

    @property
    def calls(self) -> int:
        """Model calls so far."""
        return len(self._calls)

    @property
    def used_tools(self) -> int:
        """Different tools that are called or must be visible."""
        return len(self._shown)

    def show(self, *tools: str) -> None:
        """Make tools visible whether they are called or not."""
        for name in tools:
            assert name in self.kind.tools(), name
            self._shown[name] = None

    def ask(self, intent: str, **fields: object) -> None:
        """A user's turn: one of the intent's templates, its fields filled in."""
        self._ask(f"{self.world_name}.{intent}", self.phrases[intent], fields)

    def phrase(self, intent: str, **fields: object) -> str:
        """One of the intent's templates, its fields filled in, to be a part of a user's turn."""
        return self._phrase(f"{self.world_name}.{intent}", self.phrases[intent], fields)

    def ask_with(self, label: str, phrases: Phrases, /, **fields: object) -> None:
        """A user's turn from phrases that are no world's own."""
        self._ask(label, phrases, fields)

    def _phrase(self, label: str, phrases: Phrases, fields: Mapping[str, object]) -> str:
        rng, templates = self.v.rng, phrases.of(self.v.split)
        index = rng.randrange(len(templates))
        self._templates.append(f"{label}/{self.v.split}/{index}")
        said = {name: spoken(value, rng) for name, value in fields.items()}
        return expand(templates[index], rng).format_map(said)

    def _ask(self, label: str, phrases: Phrases, fields: Mapping[str, object]) -> None:
        rng = self.v.rng
        parts = [self._phrase(label, phrases, fields)]
        if "\n" not in parts[0]:
            if not self._messages and rng.random() < 0.25:
                parts.insert(0, rng.choice(OPENERS.of(self.v.split)))
            if rng.random() < 0.2:
                parts.append(rng.choice(CLOSERS.of(self.v.split)))
        self._messages.append({"role": "user", "content": " ".join(parts)})

    def quote(self, other: Script) -> None:
        """Another session's first user turn as this one's."""
        self._messages.append(other._messages[0])
        self._templates += other._templates[:1]
        self.tasks += other.tasks

    def call(self, name: str, /, **arguments: Any) -> JSON:
        """One gold call and its result."""
        return self._turn([(name, arguments)])[0]

    def refused(self, code: str, name: str, /, **arguments: Any) -> None:
        """One gold call that the tool must refuse with this error code."""
        self._turn([(name, arguments)], code)

    def together(self, *calls: tuple[str, Mapping[str, Any]]) -> list[JSON]:
        """Several gold calls in one assistant turn, in any order, and their results."""
        return self._turn(calls)

    def _turn(self, calls: Sequence[tuple[str, Mapping[str, Any]]], code: str | None = None) -> list[JSON]:
        if self._running is None:
            self.state.setdefault("serial", self.v.serial)
            self._running = self.kind.from_state(self.state)
        made: list[JSON] = []
        expected: list[JSON] = []
        answers: list[JSON] = []
        results: list[JSON] = []
        for name, arguments in calls:
            self.show(name)
            self.called.append(name)
            order = list(self.kind.tools()[name].parameters["properties"])
            given = dict(sorted(arguments.items(), key=lambda item: order.index(item[0])))
            plain = {k: v.value if isinstance(v, Loose) else v for k, v in given.items()}
            matched = {k: v.matcher if isinstance(v, Loose) else v for k, v in given.items()}
            self._made += 1
            id_ = f"c{self._made}"
            written = json.dumps(plain, ensure_ascii=False)
            # What the model would send: the arguments as they were written.
            result = self._running.call(name, json.loads(written))
            results.append(result)
            made.append({"id": id_, "type": "function", "function": {"name": name, "arguments": written}})
            expected.append({"name": name, "arguments": matched})
            content = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
            answers.append({"role": "tool", "tool_call_id": id_, "content": content})
        codes = [result["error"]["code"] for result in results if "error" in result]
        assert codes == ([] if code is None else [code]), f"{self.world_name}: {calls} ended in {codes}"
        length = sum(len(call["function"]["name"] + call["function"]["arguments"]) + 60 for call in made)
        self._reply({"role": "assistant", "tool_calls": made}, {"kind": "calls", "calls": expected}, length)
        self._messages += answers
        return results

    def say(self, text: str, *statements: object, **facts: object) -> None:
        """The assistant's words; `statements` must occur in what a model says here in its stead, and
        `facts` (label -> value) are what it tells."""
        content = expand(text, self.v.rng)
        self._statements = tuple(str(statement) for statement in statements)
        assert all(statement.casefold() in content.casefold() for statement in self._statements), content
        self.facts |= {label.replace("_", " "): str(value) for label, value in facts.items()}
        self._reply({"role": "assistant", "content": content}, {"kind": "no_call"}, len(content))

    def _reply(self, message: JSON, expect: JSON, length: int) -> None:
        self._longest = max(self._longest, length)
        # The system message comes first once the session is built.
        self._calls.append({"at": len(self._messages) + 1, "expect": expect})
        self._messages.append(message)

    def agent(self, size: int | None = None) -> Agent:
        """An agent with the tools that this session needs and others, `size` in all or else a few."""
        rng = self.v.rng
        templates = SYSTEM.of(self.v.split)
        role = f"{'an' if self.kind.role[0] in 'aeiou' else 'a'} {self.kind.role}"
        system = expand(rng.choice(templates), rng).format(role=role, today=self.v.today.isoformat())
        if self.policy:
            system = f"{system} {self.policy}"
        return Agent(self.world_name, self.v.today, self.policy, self.forbidden, system, self._catalog(size))

    def suits(self, agent: Agent, *, any_date: bool = False) -> bool:
        """Whether the agent can hold this session: its date, a rule that replies obey, all tools needed."""
        return (
            agent.world == self.world_name
            and self._obeys(agent)
            and (any_date or agent.today == self.v.today)
            and all((self.world_name, name) in agent.catalog for name in self._shown)
            and (self.strangers or all(world == self.world_name for world, _ in agent.catalog))
        )

    def _obeys(self, agent: Agent) -> bool:
        if agent.forbidden:
            return agent.forbidden == self.forbidden or not (self.policy or agent.forbidden in self._shown)
        return agent.policy == self.policy

    def session(self, session_id: str, ref: str, tags: Sequence[str], agent: Agent) -> Session:
        """The finished session, held by the agent, validated."""
        goal: JSON = {"success": "world_state", "statements": self._statements}
        # One limit for the whole session, as an agent has one: it must not tell what is expected where.
        tokens = self._longest / _CHARACTERS_PER_TOKEN + 8
        limit = next((limit for limit in _LIMITS if limit >= tokens), _LIMITS[-1])
        return Session.model_validate(
            {
                "schema": "agent-session/1",
                "id": session_id,
                "tags": (self.world_name, *tags),
                "source": {"name": "specquant-lab", "license": "Apache-2.0", "ref": ref},
                "tools": tuple(_tool(world, name) for world, name in agent.catalog),
                "messages": [{"role": "system", "content": agent.system}, *self._messages],
                "calls": [call | {"max_tokens": limit} for call in self._calls],
                "session": goal | {"world": {"name": self.world_name, "initial_state": self._initial()}},
                "x_templates": self._templates,
            }
        )

    def _initial(self) -> JSON:
        self.state.setdefault("serial", self.v.serial)
        return copy.deepcopy(self.state)

    def _catalog(self, size: int | None) -> tuple[tuple[str, str], ...]:
        """The tools that must be visible and others, of the same world first, in any order."""
        rng, needed = self.v.rng, list(self._shown)
        same = [name for name in self.kind.tools() if name not in self._shown]
        rng.shuffle(same)
        chosen = [(self.world_name, name) for name in (*needed, *same)]
        if size is None:
            size = max(len(needed) + 1, rng.randint(4, 8))
            stray = self.strangers and self.world_name in TRAIN_WORLDS and rng.random() < 0.2
            chosen = chosen[: size - 1] + _strangers(self.world_name, rng.random(), 1) if stray else chosen
        if size > len(chosen):
            chosen += _strangers(self.world_name, rng.random(), size - len(chosen))
        chosen = chosen[:size]
        rng.shuffle(chosen)
        return tuple(chosen)


def _strangers(world: str, at: float, number: int) -> list[tuple[str, str]]:
    """So many tools of other worlds than `world`, from a place in their fixed order on."""
    others = [entry for entry in _all_tools() if entry[0] != world]
    start = int(at * len(others))
    return (others + others)[start : start + number]


@cache
def _all_tools() -> tuple[tuple[str, str], ...]:
    by_world = [[(world, name) for name in load_world(world).tools()] for world in TRAIN_WORLDS]
    longest = max(map(len, by_world))
    return tuple(tools[place] for place in range(longest) for tools in by_world if place < len(tools))


@cache
def _tool(world: str, name: str) -> Tool:
    tool = load_world(world).tools()[name]
    function = {"name": name, "description": tool.description, "parameters": tool.parameters}
    return Tool.model_validate({"type": "function", "function": function})

"""Function masking (Hammer, arXiv 2410.04587): agents whose tools and parameters go by other names.

A model that has seen each tool under many names reads the catalog instead of remembering names.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from pydantic import JsonValue

from lab.session import MATCHER_KEYS, Session, Tool

STYLES = ("snake", "camel", "pascal", "kebab", "prefix")
NOUN_FIRST = 1 / 4  # share of the masked agents that say order_get
INVENTED = 1 / 8  # share of the masked agents whose names are no words
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Where a schema nests others in more ways than `properties` and `items`, it keeps its parameters' names.
_NESTED = ("properties", "patternProperties", "dependentRequired", "dependentSchemas", "$ref", "$dynamicRef")


def mask_names(sessions: Sequence[Session], share: float, seed: int) -> list[Session]:
    """The sessions, with other names for the tools and parameters of a share of their agents.

    An agent is a system prompt with a catalog. What becomes of it depends on it and on the seed alone, so
    its sessions go on sharing both. Values stay as they are. A masked session is without its goal, since no
    world knows the new names.

    Args:
        share: 0 to 1, the probability that an agent is masked.
    """
    if not share:
        return list(sessions)
    namings: dict[str, _Naming | None] = {}
    found = []
    for session in sessions:
        agent = _agent(session)
        if agent not in namings:
            rng = random.Random(f"{seed}/{agent}")
            namings[agent] = _Naming(session.tools, rng) if rng.random() < share else None
        naming = namings[agent]
        found.append(session if naming is None else naming.masked(session))
    return found


def _agent(session: Session) -> str:
    prompt = []
    for message in session.messages:
        if message.role != "system":
            break
        prompt.append(message.content)
    tools = [tool.model_dump(mode="json", exclude_unset=True) for tool in session.tools]
    return json.dumps([prompt, tools], ensure_ascii=False)


@cache
def _synonyms() -> dict[str, list[str]]:
    file = resources.files("lab.train") / "synonyms.json"
    found: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


class _Naming:
    """The names of one masked agent."""

    def __init__(self, tools: Sequence[Tool], rng: random.Random) -> None:
        self._rng = rng
        self._style = rng.choice(STYLES)
        self._parameter_style = rng.choice(("snake", "camel"))
        self._noun_first = rng.random() < NOUN_FIRST
        self._invented = rng.random() < INVENTED
        self._prefix = self._invent()
        self._said: dict[str, str] = {}
        schemas = {tool.function.name: tool.function.parameters for tool in tools}
        # The schemas whose parameters are renamed; of the others only the tool is.
        self._schemas = {name: schema for name, schema in schemas.items() if _renamable(schema)}
        self._tools = self._distinct(schemas, self._tool)
        names = (name for schema in self._schemas.values() for name in _parameters(schema))
        self._parameters = self._distinct(dict.fromkeys(names), self._parameter)
        # A name that could be any word counts where the system says it, and in replies then.
        self._told = {
            old: new for old, new in {**self._parameters, **self._tools}.items() if not _common(old)
        }
        self._ruled = self._told | self._tools
        dumped = [tool.model_dump(mode="json", exclude_unset=True) for tool in tools]
        self._catalog = [self._renamed(tool) for tool in dumped]

    def masked(self, session: Session) -> Session:
        """The session under the new names."""
        data = session.model_dump(mode="json", by_alias=True, exclude_unset=True)
        data["tools"] = self._catalog
        data.pop("session", None)
        expected = [
            call
            for model_call in data["calls"]
            for calls in (
                model_call["expect"].get("calls", ()),
                *model_call["expect"].get("alternatives", ()),
            )
            for call in calls
        ]
        # A value that reads like a name is copied from the talk: there both stay.
        values = [text for call in expected for text in _strings(call.get("arguments"))]
        for message in data["messages"]:
            for call in message.get("tool_calls") or ():
                values += self._rename_recorded(call["function"])
        spared = {name for text in values for name in _pattern(self._ruled).findall(text)}
        rules = "\n".join(m["content"] for m in data["messages"] if m["role"] == "system")
        ruled = set(_pattern(self._ruled).findall(rules))
        told = {old: new for old, new in self._told.items() if old not in spared}
        replied = told | {old: self._ruled[old] for old in ruled - spared}
        # A result's fields stay; a refusal may name a parameter.
        results = {old: new for old, new in told.items() if old in self._tools}
        for message in data["messages"]:
            if content := message.get("content"):
                refused = content.startswith('{"error"')
                tool = told if refused else results
                names = {"system": self._ruled, "user": told, "assistant": replied, "tool": tool}
                message["content"] = _retold(content, names[message["role"]])
        for call in expected:
            self._rename_expected(call)
        for model_call in data["calls"]:
            if model_call.get("tools_visible") is not None:
                model_call["tools_visible"] = [self._tools[name] for name in model_call["tools_visible"]]
        return Session.model_validate(data)

    def _renamed(self, tool: dict[str, Any]) -> dict[str, Any]:
        function = tool["function"]
        name = function["name"]
        new = {"name": self._tools[name]}
        if "description" in function:
            new["description"] = _retold(function["description"], self._told)
        if name in self._schemas:
            new["parameters"] = self._schema(function["parameters"])
        return {**tool, "function": {**function, **new}}

    def _schema(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        properties = schema.get("properties", {})
        new = dict(schema)
        if "properties" in schema:
            new["properties"] = {
                self._parameters[name]: self._schema(inner) for name, inner in properties.items()
            }
        if "required" in schema:
            new["required"] = [
                self._parameters[name] if name in properties else name for name in schema["required"]
            ]
        if "items" in schema:
            new["items"] = self._schema(schema["items"])
        if "default" in schema:
            new["default"] = self._value(schema["default"], schema)
        if isinstance(schema.get("description"), str):
            new["description"] = _retold(schema["description"], self._told)
        return new

    def _value(self, value: Any, schema: Any) -> Any:
        if isinstance(schema, dict) and isinstance(value, list):
            return [self._value(item, schema.get("items")) for item in value]
        if isinstance(schema, dict) and isinstance(value, dict):
            properties = schema.get("properties", {})
            return {
                self._parameters[name] if name in properties else name: self._value(
                    inner, properties.get(name)
                )
                for name, inner in value.items()
            }
        return value

    def _rename_recorded(self, function: dict[str, Any]) -> list[str]:
        # Returns the texts among the values. A tool that the catalog lacks keeps its name.
        name = function["name"]
        try:
            arguments = json.loads(function["arguments"])
        except ValueError:
            arguments = None
        if name in self._schemas and isinstance(arguments, dict):
            renamed = self._value(arguments, self._schemas[name])
            function["arguments"] = json.dumps(renamed, ensure_ascii=False)
        function["name"] = self._tools.get(name, name)
        return list(_strings(arguments))

    def _rename_expected(self, call: dict[str, Any]) -> None:
        name, arguments = call["name"], call.get("arguments", {})
        call["name"] = self._tools[name]
        if name not in self._schemas or not arguments:
            return
        properties: Any = self._schemas[name].get("properties", {})
        for key in list(arguments):
            value, schema = arguments.pop(key), properties.get(key)
            if isinstance(value, dict) and value.keys() & MATCHER_KEYS:
                if value.get("any_of") is not None:
                    value["any_of"] = [self._value(choice, schema) for choice in value["any_of"]]
            else:
                value = self._value(value, schema)
            arguments[self._parameters[key] if key in properties else key] = value

    def _tool(self, name: str) -> str:
        groups = self._groups(name)
        if self._noun_first:
            groups = [*groups[1:], *groups[:1]]
        return _joined([self._prefix, *groups] if self._style == "prefix" else groups, self._style)

    def _parameter(self, name: str) -> str:
        return _joined(self._groups(name), self._parameter_style)

    def _groups(self, name: str) -> list[str]:
        # The agent's words for those of a name.
        return [self._say(word) for word in ([name] if self._invented else _words(name))]

    def _say(self, word: str) -> str:
        # One draw for all names of the agent; a plural is its singular's.
        if word not in self._said:
            singular = _singular(word)
            if self._invented:
                self._said[word] = self._invent()
            elif singular is not None:
                said = self._say(singular)
                self._said[word] = word if said == singular else _plural(said)
            else:
                self._said[word] = self._rng.choice([word, *_synonyms().get(word, ())])
        return self._said[word]

    def _invent(self) -> str:
        syllables = range(self._rng.choice((2, 3)))
        return "".join(self._rng.choice("bdfgklmnprstvz") + self._rng.choice("aeiou") for _ in syllables)

    def _distinct(self, names: Iterable[str], renamed: Callable[[str], str]) -> dict[str, str]:
        taken: dict[str, str] = {}  # new name -> old name
        for name in names:
            new = renamed(name) if _words(name) else name
            if new in taken:
                new = name
            while new in taken:
                new = f"{name}_{self._invent()}"
            taken[new] = name
        return {old: new for new, old in taken.items()}


def _words(name: str) -> list[str]:
    """A name's words in lowercase, two as one where the table has them so; none if it has other letters."""
    words = [word.lower() for word in _WORD.findall(name)]
    if "".join(words) != re.sub(r"[\W_]", "", name).lower():
        return []
    found: list[str] = []
    for word in words:
        pair = f"{found[-1]}_{word}" if found else word
        if pair in _synonyms() and found:
            found[-1] = pair
        else:
            found.append(word)
    return found


def _singular(word: str) -> str | None:
    known = _synonyms()
    if word in known or not word.endswith("s"):
        return None
    candidates = (f"{word.removesuffix('ies')}y", word.removesuffix("es"), word.removesuffix("s"))
    return next((candidate for candidate in candidates if candidate in known), None)


def _plural(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    if word.endswith("s"):
        return word
    return f"{word}es" if re.search(r"(x|ch|sh)$", word) else f"{word}s"


def _joined(groups: Iterable[str], style: str) -> str:
    words = [word for group in groups for word in group.split("_")]
    if style in ("camel", "pascal"):
        name = "".join(word.capitalize() for word in words)
        return name if style == "pascal" else words[0] + name[len(words[0]) :]
    return ("-" if style == "kebab" else "_").join(words)


def _renamable(schema: JsonValue) -> bool:
    """Whether `properties` and `items` are all that nests in a schema."""
    if not isinstance(schema, dict):
        return True
    properties, items = schema.get("properties", {}), schema.get("items")
    rest = json.dumps({key: value for key, value in schema.items() if key not in ("properties", "items")})
    if any(f'"{word}"' in rest for word in _NESTED) or not isinstance(properties, dict):
        return False
    return all(_renamable(inner) for inner in (*properties.values(), items))


def _parameters(schema: Any) -> Iterator[str]:
    """The parameters' names at all levels."""
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield name
            yield from _parameters(inner)
        yield from _parameters(schema.get("items"))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _common(name: str) -> bool:
    """Whether a name may be a plain word of the language."""
    return name.isalpha() and name[1:] == name[1:].lower()


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    # As a whole word; without names, never.
    choices = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{choices or '(?!)'})(?![\w-])")


def _retold(text: str, names: Mapping[str, str]) -> str:
    return _pattern(names).sub(lambda match: names[match[0]], text)

"""Expected calls against the calls a model made: one argument, one call, and the assignment between lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.scoring.schemas import Fault, ToolSchema
from lab.scoring.values import close, full_match, is_number, same, same_document, same_set, show
from lab.session import ExpectedCall, Matcher


def _equal(gold: Any, value: Any, cmp: str | None, lenient: bool) -> bool:
    fold = cmp == "string_norm" or (lenient and cmp != "string_exact")
    if cmp == "set" and isinstance(gold, list) and isinstance(value, list):
        return same_set(gold, value, fold=fold)
    return same_document(gold, value, fold=fold) if cmp == "json" else same(gold, value, fold=fold)


def accepts(matcher: Matcher, value: Any, tool: ToolSchema, argument: str, *, lenient: bool = False) -> bool:
    """Whether one argument's value is what was expected. `lenient` compares strings by `string_norm`, unless
    the matcher says `string_exact`; casting is the caller's."""
    if matcher.ignore:
        return True
    if matcher.any_of is not None:
        return any(_equal(gold, value, matcher.cmp, lenient) for gold in matcher.any_of)
    if matcher.approx is not None:
        near = matcher.approx
        return is_number(value) and close(value, near.value, near.rel, near.abs)
    if matcher.regex is not None:
        fold = matcher.cmp == "string_norm" or (lenient and matcher.cmp != "string_exact")
        return full_match(matcher.regex, value, fold=fold)
    return tool.accepts(argument, value)


def _wanted(matcher: Matcher) -> str:
    if matcher.any_of is not None:
        return " or ".join(show(gold) for gold in matcher.any_of)
    if matcher.approx is not None:
        return f"about {matcher.approx.value:g}"
    return f"a match of {matcher.regex!r}" if matcher.regex is not None else "a value the schema takes"


def differences(
    expected: ExpectedCall, arguments: dict[str, Any], tool: ToolSchema, *, lenient: bool = False
) -> dict[str, Fault]:
    """Argument name -> how it departs from what was expected; empty for a full match.

    An absent argument counts as its schema default, and passes where it is optional; an argument that was
    not expected passes where it equals its schema default.
    """
    faults: dict[str, Fault] = {}
    matchers = expected.matchers()
    for name, matcher in matchers.items():
        effective = [arguments[name]] if name in arguments else tool.default(name)
        if any(accepts(matcher, value, tool, name, lenient=lenient) for value in effective):
            continue
        if name in arguments:
            text = (
                f"argument {name!r} of {tool.name!r} is {show(arguments[name])}, expected {_wanted(matcher)}"
            )
        elif matcher.optional or matcher.ignore:
            continue
        else:
            text = f"{tool.name!r} lacks the argument {name!r}, expected {_wanted(matcher)}"
        faults[name] = Fault("value", text)
    for name, value in arguments.items():
        if name in matchers or any(same(default, value, fold=lenient) for default in tool.default(name)):
            continue
        if tool.knows(name):
            text = f"argument {name!r} of {tool.name!r} is {show(value)}, expected to be left out"
            faults[name] = Fault("value", text)
        else:
            faults[name] = Fault("unknown_arg", f"{tool.name!r} has no argument {name!r}")
    return faults


Fits = Callable[[int, int], bool]


def assign(expected: int, got: int, fits: Fits) -> list[int | None]:
    """For each of `expected` calls the index of one of `got` calls that fits and is its own, or None.

    A maximum bipartite matching by augmenting paths (Kuhn 1955): as many expected calls as possible have one.
    """
    edges = [[g for g in range(got) if fits(e, g)] for e in range(expected)]
    owner: dict[int, int] = {}

    def augment(e: int, seen: set[int]) -> bool:
        for g in edges[e]:
            if g not in seen:
                seen.add(g)
                if g not in owner or augment(owner[g], seen):
                    owner[g] = e
                    return True
        return False

    for e in range(expected):
        augment(e, set())
    partner = {e: g for g, e in owner.items()}
    return [partner.get(e) for e in range(expected)]


def assign_in_order(expected: int, got: int, fits: Fits) -> list[int | None]:
    """As `assign`, where the partners must come in the same order."""
    partners: list[int | None] = []
    start = 0
    for e in range(expected):
        g = next((g for g in range(start, got) if fits(e, g)), None)
        partners.append(g)
        start = start if g is None else g + 1
    return partners

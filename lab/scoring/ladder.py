"""The score ladder of one call, and what a session makes of its calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.records import RUNGS, FinishReason, Score
from lab.scoring.matching import assign, assign_in_order, differences
from lab.scoring.parsing import Parsed, parse
from lab.scoring.schemas import Fault, ToolSchema
from lab.scoring.wire.base import ParsedCall
from lab.session import Call, Expectation, ExpectedCall, Session

ERRORS = (
    "format",
    "truncated",
    "missed",
    "spurious",
    "unknown_tool",
    "wrong_tool",
    "missing_required",
    "unknown_arg",
    "type",
    "value",
    "extra_call",
    "missing_call",
)
_TOP = len(RUNGS)
_DETAIL = 240  # characters; a reply may hold a name or a key of any length


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How far up the ladder a reply gets against one list of expected calls, and what stopped it."""

    rungs: int
    lenient: bool
    faults: tuple[Fault, ...] = ()

    def score(self) -> Score:
        parse_ok, decision_ok, name_ok, schema_ok, args_ok = (rung < self.rungs for rung in range(_TOP))
        return Score(
            parse_ok=parse_ok,
            decision_ok=decision_ok,
            name_ok=name_ok,
            schema_ok=schema_ok,
            args_ok=args_ok,
            lenient_args_ok=self.lenient,
            errors=tuple(sorted({fault.kind for fault in self.faults})),
            detail=self.faults[0].text[:_DETAIL] if self.faults else "",
        )


def _format_faults(parsed: Parsed, finish_reason: FinishReason) -> list[Fault]:
    truncated = finish_reason == "length" and bool(parsed.unfinished)
    malformed = [problem for problem in parsed.problems if not (truncated and problem == parsed.unfinished)]
    faults = [Fault("format", malformed[0])] if malformed else []
    if truncated:
        faults.append(Fault("truncated", f"cut by the token limit: {parsed.unfinished}"))
    return faults


def _name_faults(
    expected: Sequence[ExpectedCall], got: Sequence[ParsedCall], visible: set[str], extra: str
) -> list[Fault]:
    """What is wrong with the multiset of names. A surplus name stands in for a lacking one before it counts
    as an extra call."""
    wanted, called = Counter(call.name for call in expected), Counter(call.name for call in got)
    lacking = list((wanted - called).elements())
    surplus = sorted((called - wanted).elements(), key=lambda name: name in visible)
    faults = []
    for name in surplus:
        instead = lacking.pop(0) if lacking else None
        if instead is None and extra == "ignore":
            continue
        if name not in visible:
            faults.append(Fault("unknown_tool", f"called {name!r}, which is not in the catalog"))
        elif instead is None:
            faults.append(Fault("extra_call", f"called {name!r} once more than expected"))
        else:
            faults.append(Fault("wrong_tool", f"called {name!r}, expected {instead!r}"))
    return faults + [Fault("missing_call", f"did not call {name!r} as often as expected") for name in lacking]


def _departures(
    partners: Sequence[int | None],
    got: int,
    compare: Callable[[int, int], list[Fault] | None],
    by_place: bool,
) -> list[Fault]:
    """What is wrong with the calls that were probably meant for the expected calls without a partner: those
    at the same place, or else, the closest first, those that `compare` can compare (not None)."""
    lonely = [e for e, partner in enumerate(partners) if partner is None]
    if by_place:
        return [fault for e in lonely for fault in compare(e, e) or ()]
    free = [g for g in range(got) if g not in partners]
    pairs = [(e, g, faults) for e in lonely for g in free if (faults := compare(e, g)) is not None]
    chosen: list[Fault] = []
    while pairs:
        e, g, faults = min(pairs, key=lambda pair: len(pair[2]))
        chosen += faults
        pairs = [pair for pair in pairs if pair[0] != e and pair[1] != g]
    return chosen


def _judge(
    expected: Sequence[ExpectedCall],
    got: Sequence[ParsedCall],
    expect: Expectation,
    tools: dict[str, ToolSchema],
    visible: set[str],
) -> _Verdict:
    """The verdict on well-formed calls, against one of the lists that would be right."""
    if not got and not expected:
        return _Verdict(_TOP, lenient=True)
    if not got:
        names = ", ".join(sorted({call.name for call in expected}))
        return _Verdict(1, False, (Fault("missed", f"made no call, expected {names}"),))
    if not expected:
        return _Verdict(1, False, (Fault("spurious", f"called {got[0].name!r}, expected no call"),))

    strict = expect.order == "strict"
    matching = assign_in_order if strict else assign
    schema_faults = [tools[call.name].faults(call.arguments) if call.name in tools else {} for call in got]

    def fits(e: int, g: int) -> bool:
        want, call = expected[e], got[g]
        if want.name != call.name or schema_faults[g]:
            return False
        return not differences(want, call.arguments, tools[call.name])

    def fits_leniently(e: int, g: int) -> bool:
        want, call = expected[e], got[g]
        if want.name != call.name or fits(e, g):
            return want.name == call.name
        tool = tools[call.name]
        arguments = tool.cast(call.arguments)
        return not tool.faults(arguments) and not differences(want, arguments, tool, lenient=True)

    partners = matching(len(expected), len(got), fits)
    faults = _name_faults(expected, got, visible, expect.extra)
    by_place = strict and not faults and len(expected) == len(got)

    def compare(e: int, g: int) -> list[Fault] | None:
        want, call = expected[e], got[g]
        if want.name != call.name:
            text = f"called {call.name!r} where {want.name!r} was expected"
            return [Fault("wrong_tool", text)] if by_place else None
        return list({**differences(want, call.arguments, tools[call.name]), **schema_faults[g]}.values())

    if not faults and None not in partners:
        return _Verdict(_TOP, lenient=True)
    rungs, lenient = 2, False
    if not faults:
        valid = Counter(call.name for call, wrong in zip(got, schema_faults, strict=True) if not wrong)
        rungs = 4 if Counter(call.name for call in expected) <= valid else 3
        lenient = None not in matching(len(expected), len(got), fits_leniently)
    faults += _departures(partners, len(got), compare, by_place)
    if not faults:
        faults.append(Fault("wrong_tool", "the calls are not in the expected order"))
    return _Verdict(rungs, lenient, tuple(faults))


def score_call(
    text: str, finish_reason: FinishReason, session: Session, call: Call, family: str
) -> Score | None:
    """The ladder of one reply: parse_ok -> decision_ok -> name_ok -> schema_ok -> args_ok.

    Every rung implies those before it, and all are counted over the same calls. Of several right answers
    (`expect.alternatives`) the one that gets furthest counts. A reply that the token limit cut inside of a
    call is truncated, and fails parse_ok; a plain-text answer that it cut is still a correct decision where
    no call was expected, since only the decision is judged there.

    Args:
        text: the reply, special tokens kept, without the end-of-turn token.
        finish_reason: why the reply ended.
        family: the model's wire format, one of `lab.scoring.FAMILIES`.

    Returns:
        None where the session expects nothing of the call.

    Raises:
        UserError: an unknown family, or a schema whose references cannot be resolved.
    """
    expect = call.expect
    if expect.kind == "any":
        return None
    schemas = {tool.function.name: tool.function.parameters for tool in session.tools}
    parsed = parse(text, family, schemas)
    if faults := _format_faults(parsed, finish_reason):
        return _Verdict(0, False, tuple(faults)).score()
    called = {made.name for made in parsed.calls}
    tools = {name: ToolSchema(name, schemas[name]) for name in called & schemas.keys()}
    visible = set(schemas if call.tools_visible is None else call.tools_visible)
    options = (expect.calls, *expect.alternatives)
    verdicts = [_judge(option, parsed.calls, expect, tools, visible) for option in options]
    best = max(verdicts, key=lambda verdict: (verdict.rungs, -len(verdict.faults)))
    lenient = any(verdict.lenient for verdict in verdicts)
    return _Verdict(best.rungs, lenient, best.faults).score()


def session_success(scores: Sequence[Score | None]) -> bool:
    """Whether every scored call is right (`args_ok`). Calls of which nothing is expected do not count; a
    session of nothing else succeeds vacuously."""
    return all(score.args_ok for score in scores if score is not None)


def first_error(scores: Sequence[Score | None]) -> int | None:
    """The index of the first call that is not right, or None."""
    wrong = (index for index, score in enumerate(scores) if score is not None and not score.args_ok)
    return next(wrong, None)

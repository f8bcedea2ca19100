"""The table of arms: one literal list of columns, shown by the HTML page and by the terminal alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10

from lab.analysis.arm import Arm
from lab.analysis.stats import Interval, Share
from lab.analysis.summary import Summary

UNDEFINED = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of an arm.

    Attributes:
        key: name, in the words of `lab.analysis.arm.Arm`.
        title, unit: the head.
        definition: what the figure is, in a sentence.
        show: the text, or None where the figure is undefined.
        why: the reason of an undefined figure in an arm that did run.
    """

    key: str
    title: str
    unit: str
    definition: str
    show: Callable[[Arm], str | None]
    why: Callable[[Arm], str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A shown figure; `why` explains an undefined one."""

    text: str
    why: str | None = None


def cell(column: Column, arm: Arm) -> Cell:
    """What the table shows for `arm` under `column`."""
    text = column.show(arm)
    if text is not None:
        return Cell(text)
    if not arm.calls:
        state = "failed before its first call" if arm.status == "failed" else "has not run yet"
        return Cell(UNDEFINED, f"this arm {state}")
    return Cell(UNDEFINED, column.why(arm))


def number(value: float | None) -> str | None:
    """Three significant digits where they fit in three decimals; never an exponent."""
    if value is None:
        return None
    rounded = float(f"{value:.3g}")
    digits = 2 - floor(log10(abs(rounded))) if rounded else 2
    return f"{value:,.{min(max(digits, 0), 3)}f}"


def percent(value: float | None, digits: int = 0) -> str | None:
    return None if value is None else f"{100 * value:.{digits}f} %"


def size(count: int | None) -> str | None:
    """Bytes in decimal units."""
    if count is None:
        return None
    for unit, scale, digits in (("GB", 1e9, 2), ("MB", 1e6, 0), ("kB", 1e3, 0)):
        if count >= scale:
            return f"{count / scale:.{digits}f} {unit}"
    return f"{count} B"


def interval(value: Interval | None, form: str = ".2f") -> str | None:
    """`1.82 [1.71, 1.95]`; without brackets where nothing could be resampled, or for an arm over itself."""
    return None if value is None else value.text(form)


def share(value: Share | None) -> str | None:
    return f"{value.k}/{value.n}" if value is not None and value.n else None


def _tpot(arm: Arm) -> str | None:
    low, high = number(arm.tpot_ms_p50), number(arm.tpot_ms_p95)
    return f"{low} / {high}" if low and high else None


def _traffic(arm: Arm) -> str | None:
    mbu = percent(arm.mbu)
    return f"{number(arm.gb_per_s)} ({mbu})" if mbu else number(arm.gb_per_s)


def _lossless(arm: Arm) -> str | None:
    audit = arm.lossless
    return f"{audit.identical} / {audit.near_tie} / {audit.error}" if audit else None


def _no_speculation(arm: Arm) -> str:
    return (
        "this arm does not speculate" if arm.speculation == "none" else "the drafter never proposed anything"
    )


def _no_audit(arm: Arm) -> str:
    if arm.speculation == "none" and arm.guided != "off":
        return "guided output is not lossless by design; this is what other guided arms are compared with"
    if arm.speculation == "none":
        return "the plain arm is what its precision's other arms are compared with"
    return (
        "no plain arm of this precision and guidance ran, its logit noise was not measured, or tokens were "
        "sampled"
    )


def _no_mask(arm: Arm) -> str:
    return "this arm is not guided" if arm.guided == "off" else _no_steps(arm)


def _no_steps(_: Arm) -> str:
    return "no call produced a second token"


def _no_ratio(_: Arm) -> str:
    return "no session was finished by this arm and the reference arm in the same round, or this arm failed"


def _no_tokens_to_compare(_: Arm) -> str:
    return "live contexts differ between arms, so there are no tokens to compare call by call"


def _no_outcome(_: Arm) -> str:
    return "no live session of this arm has ended"


def _scores(gold: bool) -> tuple[Column, ...]:
    right = "args_ok" if gold else "agreement"
    against = "the expectation" if gold else "the recording, which is an observation and not ground truth"
    return (
        Column(
            "args_ok",
            right,
            "calls",
            f"Calls whose names and arguments fully match {against}; first timed round.",
            lambda a: share(a.rungs["args_ok"]),
            lambda _: "no call has an expectation",
        ),
        Column(
            "sessions_ok",
            "sessions ok",
            "sessions",
            "Sessions whose every expected call is args_ok; first timed round.",
            lambda a: share(a.sessions_ok),
            lambda _: "no session with expectations was replayed whole",
        ),
    )


_LIVE = (
    Column(
        "success",
        "success",
        "sessions",
        "Live sessions that ended in the state that the recorded calls lead to, with every turn answered and "
        "every required statement made; first timed round.",
        lambda a: share(a.live.success) if a.live else None,
        _no_outcome,
    ),
    Column(
        "steps",
        "steps",
        "/session",
        "Model calls of a live session, in the mean; first timed round.",
        lambda a: number(a.live.steps) if a.live else None,
        _no_outcome,
    ),
    Column(
        "tool_errors",
        "tool errors",
        "/session",
        "Tool results of a live session that were errors, malformed and unknown calls included, in the mean; "
        "first timed round.",
        lambda a: number(a.live.tool_errors) if a.live else None,
        _no_outcome,
    ),
)


def columns(summary: Summary) -> tuple[Column, ...]:
    """The columns in the order in which they are shown; scores against an observation are agreement, and live
    sessions have an outcome instead of scores."""
    live = summary.run.replay == "live"
    return (
        Column(
            "decode_tok_per_s",
            "decode",
            "tok/s",
            "Tokens after each call's first, over the time after the first, all calls together.",
            lambda a: number(a.decode_tok_per_s),
            _no_steps,
        ),
        Column(
            "ratio",
            "ratio",
            "× reference",
            "Decode speed over the reference arm's on the sessions "
            "and rounds that all arms finished, with a 95 % "
            "bootstrap interval over sessions and rounds.",
            lambda a: interval(a.ratio),
            _no_ratio,
        ),
        Column(
            "ttft_ms",
            "TTFT",
            "ms",
            "Median time to the first token: rendering, tokenizing and prefill.",
            lambda a: number(a.ttft_ms),
            _no_steps,
        ),
        Column(
            "tpot_ms",
            "TPOT",
            "ms, p50 / p95",
            "Time per output token after the first; 50th and 95th percentile over calls.",
            _tpot,
            _no_steps,
        ),
        Column(
            "tau",
            "tau",
            "tok/step",
            "Accepted length: tokens emitted per verify step.",
            lambda a: number(a.tau),
            _no_speculation,
        ),
        Column(
            "verify_share",
            "verify",
            "of steps",
            "Verify steps over all steps; in the others the drafter proposed nothing.",
            lambda a: percent(a.verify_share),
            _no_speculation,
        ),
        Column(
            "mask_share",
            "mask",
            "of decode",
            "Guided decoding: time for the grammar and its token masks over the time after the first token.",
            lambda a: percent(a.mask_share, 1),
            _no_mask,
        ),
        Column(
            "gb_per_s",
            "traffic",
            "GB/s (MBU)",
            "Bytes the steps had to read over their time; in "
            "brackets that rate over the read bandwidth that was "
            "measured just before each session (MBU).",
            _traffic,
            _no_steps,
        ),
        Column(
            "session_s",
            "session",
            "s",
            "Mean latency of a whole session, prefill included, pauses excluded.",
            lambda a: number(a.session_s),
            lambda _: "no session was replayed whole",
        ),
        *(_LIVE if live else _scores(summary.gold)),
        Column(
            "lossless",
            "lossless",
            "same / near tie / error",
            "Calls against the plain arm of the "
            "same precision and guidance: the same "
            "tokens; first difference where two "
            "logits nearly tie; any other difference. "
            "Guided output is never lossless to unguided.",
            _lossless,
            _no_tokens_to_compare if live else _no_audit,
        ),
        Column(
            "peak_memory_bytes",
            "peak memory",
            "",
            "Largest peak of the process or device over the arm's calls.",
            lambda a: size(a.peak_memory_bytes),
            lambda _: "the engine did not report it",
        ),
        Column(
            "weight_bytes",
            "weights",
            "",
            "The target's weights as stored.",
            lambda a: size(a.weight_bytes),
            lambda _: "the engine did not report it",
        ),
    )

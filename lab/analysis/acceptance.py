"""Where drafts are accepted: tokens per verify step by what is written, by call and by context."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from lab.analysis.effects import arm_name
from lab.analysis.segments import SEGMENTS, segments_of
from lab.records import CallRecord, CellRecord, Generation

K = TypeVar("K", bound=Hashable)

# Bounds of the context lengths that are told apart, in tokens.
_CONTEXTS = (512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Emitted:
    """Verify steps, and the tokens that they emitted."""

    steps: int
    tokens: int

    @property
    def accepted_length(self) -> float:
        """Tokens emitted per verify step."""
        return self.tokens / self.steps


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Verify steps by what they belong to; only what occurred.

    Attributes:
        segment: what the first token of the step is part of, one of `SEGMENTS`.
        call: index of the call in its session.
        context: the class of tokens in the cache, as `under 512`.
    """

    segment: dict[str, Emitted]
    call: dict[int, Emitted]
    context: dict[str, Emitted]


def acceptance(calls: Iterable[CallRecord]) -> Acceptance | None:
    """Of the calls' verify steps; None without any."""
    by_segment: dict[str, list[int]] = {}
    by_call: dict[int, list[int]] = {}
    by_context: dict[int, list[int]] = {}
    for call in calls:
        kinds = token_segments(call.generation)
        # The first token comes from the prefill.
        starts = accumulate((step.emitted for step in call.generation.steps), initial=1)
        for step, start in zip(call.generation.steps, starts, strict=False):
            if step.kind != "verify":
                continue
            by_call.setdefault(call.call_index, []).append(step.emitted)
            by_context.setdefault(_class_of(step.context), []).append(step.emitted)
            if start < len(kinds):
                by_segment.setdefault(kinds[start], []).append(step.emitted)
    if not by_call:
        return None
    return Acceptance(
        segment=_emitted({name: by_segment[name] for name in SEGMENTS if name in by_segment}),
        call=_emitted(dict(sorted(by_call.items()))),
        context={_CLASSES[place]: each for place, each in _emitted(dict(sorted(by_context.items()))).items()},
    )


def token_segments(generation: Generation) -> list[str]:
    """The segment of each token, that of its last character; empty where tokens cannot be placed in the text.

    An end-of-turn token has none.
    """
    characters = segments_of(generation.text)
    return [characters[max(end - 1, 0)] for end in generation.ends] if characters else []


_CLASSES = (*(f"under {bound}" for bound in _CONTEXTS), f"{_CONTEXTS[-1]} or more")


def _class_of(context: int) -> int:
    return sum(context >= bound for bound in _CONTEXTS)


def _emitted(found: dict[K, list[int]]) -> dict[K, Emitted]:
    return {key: Emitted(len(tokens), sum(tokens)) for key, tokens in found.items()}


def beyond_training(cells: Iterable[CellRecord], calls: Mapping[str, list[CallRecord]]) -> str | None:
    """A sentence if drafts were made further on than their head was trained; None if not.

    Args:
        calls: cell id -> its calls.
    """
    said = []
    for cell in cells:
        reach = cell.setup.facts.get("draft_context") if cell.setup else None
        if reach is None:
            continue
        lengths = [
            call.generation.prompt_tokens + len(call.generation.token_ids) for call in calls[cell.cell_id]
        ]
        if further := sum(length > reach for length in lengths):
            said.append(
                f"In {arm_name(*cell.arm)}, {further} of {len(lengths)} calls went beyond the {reach:,} "
                "positions that its draft head was trained on, where acceptance falls."
            )
    return " ".join(said) or None

"""When two JSON values are the same argument."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from lab.scoring.wire.base import MalformedError, check_size, decode, skip_space

RELATIVE_TOLERANCE = 1e-6


def is_number(value: object) -> bool:
    """An int or a float; a bool is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def close(a: float, b: float, rel: float = RELATIVE_TOLERANCE, absolute: float = 0.0) -> bool:
    """Whether two numbers differ by no more than a tolerance, relative to the larger one."""
    try:
        return math.isclose(a, b, rel_tol=rel, abs_tol=absolute)
    except OverflowError:  # an integer beyond the floats
        return a == b


def normal(text: str) -> str:
    """`string_norm`: Unicode NFKC, trimmed, case-folded. Punctuation stays."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def same(a: Any, b: Any, *, fold: bool = False) -> bool:
    """JSON equality: whole numbers are equal exactly (5 and 5.0 are), other numbers to a relative 1e-6, a
    bool equals no number, lists are ordered, objects are not. `fold` compares strings by `normal`."""
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if is_number(a) and is_number(b):
        whole = all(isinstance(n, int) or n.is_integer() for n in (a, b))
        return bool(a == b) if whole else close(a, b)
    if isinstance(a, str) and isinstance(b, str):
        return normal(a) == normal(b) if fold else a == b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, fold=fold) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key], fold=fold) for key in a)
    return False


def same_set(a: list[Any], b: list[Any], *, fold: bool = False) -> bool:
    """Whether two lists hold the same values, in any order and however often."""
    return all(any(same(x, y, fold=fold) for y in b) for x in a) and all(
        any(same(x, y, fold=fold) for x in a) for y in b
    )


def from_json(text: str) -> tuple[bool, Any]:
    """Whether the whole text is one JSON value, and that value."""
    try:
        value, end = decode(text, skip_space(text, 0))
        check_size(value)
    except MalformedError:
        return False, None
    return skip_space(text, end) == len(text), value


def same_document(a: Any, b: Any, *, fold: bool = False) -> bool:
    """JSON equality, where two strings that both hold JSON are compared as what they hold."""
    if isinstance(a, str) and isinstance(b, str):
        (a_is, a_value), (b_is, b_value) = from_json(a), from_json(b)
        if a_is and b_is:
            return same(a_value, b_value, fold=fold)
    return same(a, b, fold=fold)


def full_match(pattern: str, value: Any, *, fold: bool = False) -> bool:
    """Whether a string matches the pattern from end to end; with `fold`, as it is or as `normal` has it."""
    if not isinstance(value, str):
        return False
    return any(re.fullmatch(pattern, text) for text in ([value, normal(value)] if fold else [value]))


def show(value: object) -> str:
    """A value for a sentence: its repr, cut at 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

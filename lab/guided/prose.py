"""Free text up to a mark, as a plain regular expression.

Plain, because complements lose texts: behind `/(?s:.*)/` less four such marks by `& ~/(?s:.*)MARK(?s:.*)/`,
llguidance 1.9.1 refuses the mark itself as soon as a mask has been computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def without(marks: Sequence[str]) -> str:
    """A regular expression of every text that holds none of the marks.

    Args:
        marks: texts whose first character is at no other place of any of them.
    """
    firsts = "".join(dict.fromkeys(mark[0] for mark in marks))
    assert not any(char in mark[1:] for mark in marks for char in firsts)
    starts = (_escaped(first) + _behind([m[1:] for m in marks if m[0] == first], firsts) for first in firsts)
    # A mark that is one character leaves nothing that may follow it.
    known = [start for start, first in zip(starts, firsts, strict=True) if first not in marks]
    return f"[^{_escaped(firsts)}]*" + (f"(?:{'|'.join(known)})*" if known else "")


def _behind(rests: Iterable[str], firsts: str) -> str:
    """What may stand between a first character and the next one: nothing that begins with one of `rests`."""
    longer: dict[str, list[str]] = {}
    for rest in rests:
        longer.setdefault(rest[:1], []).append(rest[1:])
    other = f"[^{_escaped(firsts + ''.join(longer))}][^{_escaped(firsts)}]*"
    ways = [_escaped(char) + _behind(inner, firsts) for char, inner in longer.items() if "" not in inner]
    return f"(?:{'|'.join([other, *ways])})?"


def _escaped(text: str) -> str:
    return re.escape(text).replace("/", r"\/")

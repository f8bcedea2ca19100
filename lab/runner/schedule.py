"""The order of work: rounds, inside them sessions, inside them every cell in a rotating order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """One session on one cell in one round: what is sent to a worker at once."""

    round: int
    session_id: str
    cell_id: str


def schedule(cells: Sequence[tuple[str, Sequence[str]]], rounds: int) -> Iterator[Unit]:
    """All units, interleaved session by session, so that a drift of the machine meets every arm alike.

    Args:
        cells: (cell, ids of its sessions) in the matrix's order.
        rounds: numbered from 1.

    The cell that goes first moves on by one from session to session and from round to round.
    """
    sessions = list(dict.fromkeys(session for _, ids in cells for session in ids))
    for round_ in range(1, rounds + 1):
        for index, session in enumerate(sessions):
            takers = [cell for cell, ids in cells if session in ids]
            shift = (index + round_ - 1) % len(takers)
            for cell in takers[shift:] + takers[:shift]:
                yield Unit(round_, session, cell)

from __future__ import annotations

from collections import Counter

from lab.runner.schedule import schedule

CELLS = [("a", ["x", "y"]), ("b", ["x", "y"]), ("c", ["x", "y"])]


def test_every_session_meets_every_cell_once_a_round() -> None:
    units = list(schedule(CELLS, rounds=2))
    assert Counter((u.round, u.session_id, u.cell_id) for u in units) == {
        (r, s, c): 1 for r in (1, 2) for s in ("x", "y") for c in "abc"
    }


def test_arms_alternate_inside_a_session_and_the_first_one_rotates() -> None:
    order = [unit.cell_id for unit in schedule(CELLS, rounds=2)]
    assert "".join(order) == "abc" + "bca" + "bca" + "cab"


def test_a_cell_is_given_its_own_scenario_only() -> None:
    units = list(schedule([("a", ["x"]), ("b", ["y"])], rounds=1))
    assert [(u.session_id, u.cell_id) for u in units] == [("x", "a"), ("y", "b")]

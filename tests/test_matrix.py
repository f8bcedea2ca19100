from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.engines import ENGINES
from lab.errors import UserError
from lab.kernels.ops import KERNELS
from lab.matrix import load_matrix, matrix_names
from lab.precision import PRECISIONS


def test_quick_is_the_two_by_two_with_the_reference_arm_first() -> None:
    cells = load_matrix("quick").cells()
    assert [(c.precision, c.speculation) for c in cells] == [
        ("bf16", "none"),
        ("bf16", "eagle3"),
        ("gptq-w4", "none"),
        ("gptq-w4", "eagle3"),
    ]


def test_every_preset_loads() -> None:
    for name in matrix_names():
        assert load_matrix(name).cells()


def test_overrides_take_comma_lists_and_leave_the_rest() -> None:
    matrix = load_matrix("quick", {"precision": "fp32, bf16", "rounds": None, "sessions": 2})
    assert matrix.precision == ("fp32", "bf16")
    assert (matrix.rounds, matrix.sessions) == (load_matrix("quick").rounds, 2)


def test_cell_ids_name_every_axis_and_differ() -> None:
    cells = load_matrix("quick", {"model": "a/b,c", "scenario": "quick,authored"}).cells()
    assert len({cell.cell_id for cell in cells}) == len(cells) == 16


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"precision": "bf61"},
            f"precision: got 'bf61', expected one of {', '.join(PRECISIONS)}. Did you mean 'bf16'?",
        ),
        (
            {"speculation": "n-gram"},
            "expected one of none, ngram, draft-model, eagle3. Did you mean 'ngram'?",
        ),
        ({"engine": "vlm"}, "engine: got 'vlm', expected one of native"),
        ({"guided": "shema"}, "guided: got 'shema', expected one of off, schema. Did you mean 'schema'?"),
        ({"precision": "bf16,bf16"}, "precision: got 'bf16,bf16', expected every value once"),
        ({"scenario": ""}, "scenario: got '', expected at least one value"),
        ({"rounds": 0}, "rounds: got 0"),
        (
            {"kernel": {"w5": "torch"}},
            f"kernel: got 'w5', expected one of {', '.join(KERNELS)}. Did you mean 'w8'?",
        ),
        ({"kernel": {"w4": "marlin"}}, f"kernel: got 'marlin', expected one of {', '.join(KERNELS['w4'])}"),
        ({"temperature": -1}, "temperature: got -1"),
        (
            {"replay": "life"},
            "replay: got 'life', expected one of teacher-forced, live. Did you mean 'live'?",
        ),
        ({"step_cap": 3}, "step_cap: got 3, expected none: only live replay has one. Add `replay: live`."),
        ({"replay": "live", "step_cap": 0}, "step_cap: got 0"),
    ],
)
def test_a_wrong_value_names_field_value_and_what_it_takes(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        load_matrix("quick", overrides)
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["guided: [off, schema]", "guided: off,schema", 'guided: ["off", "schema"]'])
def test_the_word_off_is_a_value_of_guided_as_yaml_has_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    matrix = load_matrix(str(path))
    assert matrix.guided == ("off", "schema")
    assert [cell.record().arm for cell in matrix.cells()] == [
        ("bf16", "none", "off", "bf16"),
        ("bf16", "none", "schema", "bf16"),
    ]
    path.write_text("guided: off")
    assert load_matrix(str(path)).guided == ("off",)


def test_an_engine_that_cannot_guide_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "other", "made_up:Engine")
    assert load_matrix("quick", {"engine": "native,other"}).guided == ("off",)
    with pytest.raises(UserError, match="guided: got 'off,schema', expected 'off' for the engine other"):
        load_matrix("quick", {"engine": "native,other", "guided": "off,schema"})


def test_an_unknown_matrix_names_the_nearest_preset() -> None:
    with pytest.raises(UserError, match=r"got 'quik'.*Did you mean 'quick'\?"):
        load_matrix("quik")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("precison: [bf16]", "unknown key 'precison'. Did you mean 'precision'?"),
        ("precision: [bf16", "not valid YAML"),
        ("- bf16", "got list, expected a mapping"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_matrix(str(path))
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load_matrix(str(tmp_path / "none.yaml"))


def test_the_digest_changes_with_matrix_and_sessions() -> None:
    base = load_matrix("quick")
    digests = {
        base.digest({"quick": "a"}),
        base.digest({"quick": "b"}),
        load_matrix("quick", {"rounds": 9}).digest({"quick": "a"}),
        load_matrix("quick", {"replay": "live"}).digest({"quick": "a"}),
    }
    assert len(digests) == 4
    assert base.digest({"quick": "a"}) == load_matrix("quick").digest({"quick": "a"})

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from lab.cli import train_adapter as command
from lab.cli import train_shared
from lab.cli.train import train
from lab.errors import UserError
from lab.models.examples import examples_of
from lab.session import dump_session, load_sessions
from lab.train.copies import copies
from lab.train.folder import digest
from lab.train.masking import mask_names
from lab.train.openings import openings
from lab.train.words import vary_words
from lab.zoo.resolve import resolve

PNG = b"\x89PNG\r\n"


@pytest.fixture
def data(tmp_path, make_session) -> dict[str, Path]:
    """Two training files and one for validation."""
    files = {"a": ["Oslo", "Rome"], "b": ["Lima", "Ulan Bator"], "validation": ["Bern"]}
    found = {}
    for name, cities in files.items():
        found[name] = tmp_path / f"{name}.jsonl"
        lines = [dump_session(make_session(f"{name}/{city}", city)) for city in cities]
        found[name].write_text("\n".join(lines))
    return found


@pytest.fixture
def arguments(tmp_path, model_folder, data) -> list[str]:
    options = {
        "--model": model_folder,
        "--out": tmp_path / "run",
        "--sessions": data["a"],
        "--validation": data["validation"],
        "--length": 400,
        "--batch-tokens": 200,
        "--epochs": 2,
        "--rank": 2,
        "--threads": 1,
    }
    return [str(word) for pair in options.items() for word in pair] + ["--sessions", str(data["b"]), "--json"]


def invoke(arguments: list[str], *more: object) -> Result:
    return CliRunner().invoke(train, ["adapter", *arguments, *map(str, more)], catch_exceptions=False)


def document(result: Result) -> dict:
    return json.loads(result.stdout.splitlines()[-1])


WORDS = ["Falconry", "slugs"]


@pytest.mark.parametrize(
    ("option", "change"),
    [
        ("--mask-names", mask_names),
        ("--openings", openings),
        ("--vary-words", partial(vary_words, words=WORDS)),
        ("--copies", lambda sessions, number, seed: sessions + copies(number, seed, WORDS)),
    ],
)
def test_what_changes_sessions_changes_those_that_are_trained_and_not_the_validation(
    arguments, tmp_path, data, option, change, monkeypatch
) -> None:
    monkeypatch.setattr("lab.train.words.words_of", lambda _: WORDS)
    monkeypatch.setattr("lab.train.words.teachable", lambda words: words)
    options = (option, 1, "--seed", 3, "--evaluations", 0, "--epochs", 0.5)
    assert invoke(arguments, *options).exit_code == 0
    facts = json.loads((tmp_path / "run" / "training.json").read_text())
    sessions = [session for name in ("a", "b") for session in load_sessions(data[name])]
    assert facts["sessions"] == digest(change(sessions, 1, 3)) != digest(sessions)
    assert facts["validation"] == digest(load_sessions(data["validation"]))


def test_a_training_ends_with_adapter_plot_and_a_model_the_lab_runs(arguments, tmp_path, data) -> None:
    result = invoke(arguments)
    assert result.exit_code == 0
    out = tmp_path / "run"
    told = document(result)
    assert told["schema"] == "lab-training/1"
    assert told["finished"]
    assert told["step"] == told["steps"] == len((out / "log.jsonl").read_text().splitlines())
    assert told["validation_loss"] > 0
    assert (told["skipped"], told["validation_skipped"]) == ([], [])
    assert (out / "adapter" / "adapter_model.safetensors").is_file()
    assert (out / "training.png").read_bytes().startswith(PNG)
    assert resolve(told["merged"]).wire_family == "llama3-json"
    assert f"lab run --model {out / 'merged'} --scenario {data['validation']}" in result.stderr
    assert "tokens/s" in result.stderr


def test_the_validation_sessions_are_replayed_and_scored_at_the_start_and_evenly(arguments, tmp_path) -> None:
    result = invoke(arguments)
    told = document(result)
    found = told["evaluations"]
    assert [line["step"] for line in found] == [0, told["steps"] // 2, told["steps"]]
    assert [line["tokens"] for line in found] == [0, told["tokens"] // 2, told["tokens"]]
    assert all(line["calls"] == 3 and line["args_ok"] <= line["parse_ok"] <= 3 for line in found)
    assert result.stderr.count("evaluated after step") == 3
    straight = (tmp_path / "run" / "adapter" / "adapter_model.safetensors").read_bytes()
    again = [str(tmp_path / "again") if word == str(tmp_path / "run") else word for word in arguments]
    assert document(invoke(again, "--evaluations", "0"))["evaluations"] == []
    assert (tmp_path / "again" / "adapter" / "adapter_model.safetensors").read_bytes() == straight


def test_an_evaluation_that_was_cut_off_is_made_when_the_training_is_resumed(arguments, monkeypatch) -> None:
    from lab.train import evaluate

    def interrupted(*_: object, **__: object):
        signal.raise_signal(signal.SIGINT)
        yield None

    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "replay", interrupted)
        stopped = invoke(arguments)
    assert stopped.exit_code == 130
    assert (document(stopped)["step"], document(stopped)["evaluations"]) == (0, [])
    assert [line["step"] for line in document(invoke(arguments))["evaluations"]] == [0, 4, 8]


def test_a_finished_training_is_refused_with_what_to_do(arguments, tmp_path) -> None:
    invoke(arguments)
    before = (tmp_path / "run" / "log.jsonl").read_bytes()
    with pytest.raises(UserError, match=r"a finished training.*lab run --model"):
        invoke(arguments)
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == before


def test_a_training_out_of_time_is_resumed_by_the_same_command(arguments, tmp_path) -> None:
    straight = tmp_path / "straight"
    invoke([str(straight) if word == str(tmp_path / "run") else word for word in arguments])
    stopped = invoke(arguments, "--max-minutes", "1e-9")
    assert stopped.exit_code == 0
    told = document(stopped)
    assert (told["finished"], told["step"], told["merged"]) == (False, 0, None)
    assert "the same command goes on" in stopped.stderr
    resumed = invoke(arguments)
    assert "Resuming" in resumed.stderr
    left, right = (
        load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (straight, tmp_path / "run")
    )
    assert left.keys() == right.keys()
    assert all(left[name].equal(right[name]) for name in left)


def test_ctrl_c_leaves_a_training_that_the_same_command_resumes(arguments, monkeypatch) -> None:
    class Pressing(command.Lines):
        def __call__(self, _: object) -> None:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(command, "Lines", Pressing)
        interrupted = invoke(arguments)
    assert interrupted.exit_code == 130
    assert document(interrupted)["step"] == 1
    assert signal.getsignal(signal.SIGINT) is handler
    assert document(invoke(arguments))["finished"]


def test_families_are_generated_from_the_training_split() -> None:
    found, held_out = command.sessions_of("chain, sql:2", 3, 1, 7, (), None)
    assert [session.id.split("/")[1:3] for session in found] == [["chain", "train"]] * 3 + [
        ["sql", "train"]
    ] * 2
    assert held_out == []


def test_sessions_over_the_limit_are_left_out_and_named(arguments, make_session, tokenizer) -> None:
    (oslo,) = examples_of(make_session("a/Oslo", "Oslo"), tokenizer)
    result = invoke(arguments, "--length", len(oslo))
    assert document(result)["skipped"] == ["b/Ulan Bator"]
    assert "1 of 4 training sessions are left out" in result.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--families", "chian"], r"session family: got 'chian'.*Did you mean 'chain'\?"),
        (["--families", "novel-tools"], "held out"),
        (["--families", ""], "session family: got ''"),
        (["--families", "chain:0"], "--families: got 'chain:0', expected NAME or NAME:N with N at least 1"),
        (["--families", "chain:"], "--families: got 'chain:'"),
        (["--sessions", "none.jsonl"], r"session file none\.jsonl"),
        (["--validation", "none.jsonl"], r"session file none\.jsonl"),
        (["--length", "5"], "--length: got 5, expected one that at least one session fits into"),
        (["--length", "641"], "--length: got 641, expected at most 640"),
        (["--vary-words", "1"], "--vary-words: got .*tiny, whose tokenizer spells every word alike"),
        (["--copies", "1"], "--copies: got .*tiny, whose tokenizer spells every word alike"),
        (["--rank", "0"], "--rank: got 0, expected more than 0"),
        (["--forward-tokens", "100"], "--forward-tokens: got 100"),
        (["--model", "smolm2-135m"], r"Did you mean 'smollm2-135m'\?"),
    ],
)
def test_a_mistake_is_one_error_before_anything_is_written(arguments, tmp_path, more, message) -> None:
    with pytest.raises(UserError, match=message):
        invoke(arguments, *more)
    assert not (tmp_path / "run").exists()


def test_sessions_must_be_given_once_and_not_be_validated_on(arguments, data) -> None:
    with pytest.raises(UserError, match=r"session id 'a/Oslo' twice"):
        invoke(arguments, "--sessions", data["a"])
    with pytest.raises(UserError, match=r"--validation: got session 'a/Oslo'"):
        invoke(arguments, "--validation", data["a"])


def test_without_data_there_is_nothing_to_train_on(tmp_path, model_folder) -> None:
    with pytest.raises(UserError, match="nothing to train on: expected --families or --sessions"):
        invoke(["--model", str(model_folder), "--out", str(tmp_path / "run")])


def test_another_training_or_other_files_in_the_folder_are_refused(arguments, tmp_path) -> None:
    invoke(arguments, "--max-minutes", "1e-9")
    with pytest.raises(UserError, match=r"another training: got lr 0\.1, expected lr 0\.0005"):
        invoke(arguments, "--lr", "0.1")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="a folder with other files"):
        invoke(arguments, "--out", tmp_path / "mine")


def test_an_option_that_the_lab_did_not_have_yet_was_at_its_default(arguments, tmp_path) -> None:
    invoke(arguments, "--max-minutes", "1e-9")
    path = tmp_path / "run" / "training.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "text_weight"}))
    with pytest.raises(UserError, match=r"another training: got text_weight 0\.5, expected text_weight 1\.0"):
        invoke(arguments, "--text-weight", "0.5")
    assert "Resuming" in invoke(arguments, "--max-minutes", "1e-9").output


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "poem"}'])
def test_a_folder_whose_training_cannot_be_read_says_so(arguments, tmp_path, text) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "training.json").write_text(text)
    with pytest.raises(UserError, match=r"training\.json: .* expected lab-training/1\. It is damaged"):
        invoke(arguments)


def test_without_peft_it_says_what_to_install(arguments, monkeypatch) -> None:
    monkeypatch.setattr(train_shared, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'specquant-lab\[train\]'"):
        invoke(arguments)

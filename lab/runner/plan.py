"""From a matrix to a plan: models fetched, sessions loaded, the machine known, nothing run yet."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.engines import ENGINES
from lab.engines.base import EngineConfig
from lab.errors import UserError
from lab.guided.grammar import require
from lab.live import gold_state
from lab.matrix import Cell, Matrix
from lab.measure.machine import default_threads, fingerprint, load_now, machine_key
from lab.records import RunRecord
from lab.replay import ReplaySettings
from lab.runner.worker import WorkerSpec
from lab.scenarios.library import Scenario, load_scenario
from lab.session import Session
from lab.speculation.options import DraftOptions
from lab.zoo.resolve import ModelFiles, resolve, resolve_head

if TYPE_CHECKING:
    from lab.measure.choice import Choice

# What a run needs on disk at the very least: its SQLite file with the write-ahead log, and the report.
_FREE_BYTES = 64 * 2**20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """A validated matrix with all its cells need.

    Attributes:
        draft_model: a folder, or `layers-N`, if one is wanted.
        heads: the models' EAGLE-3 heads, if any is wanted.
        sessions: of a scenario, what is replayed of it.
        kernels: model and precision -> the kernels that were chosen for them.
        weights: model and precision -> the folder of the weights, where it is not the model's own.
    """

    matrix: Matrix
    cells: list[Cell]
    models: dict[str, ModelFiles]
    sessions: dict[str, tuple[Session, ...]]
    digest: str
    environment: dict[str, Any]
    threads: int
    heads: dict[str, Path] = field(default_factory=dict)
    draft_model: Path | None = None
    kernels: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    weights: dict[tuple[str, str], Path] = field(default_factory=dict)

    def spec(self, cell: Cell, folder: Path) -> WorkerSpec:
        """What the cell's worker is started with."""
        matrix, model = self.matrix, self.models[cell.model]
        return WorkerSpec(
            cell_id=cell.cell_id,
            engine=ENGINES[cell.engine],
            config=EngineConfig(
                model=model.path,
                weights=self.weights.get((cell.model, cell.precision)),
                precision=cell.precision,
                speculation=cell.speculation,
                draft=DraftOptions(
                    tokens=matrix.draft_tokens,
                    model=self.draft_model,
                    tree=matrix.tree,
                    confidence=matrix.draft_confidence,
                    head=self.heads.get(cell.model),
                    precision=matrix.draft_precision,
                    allow_pickle=matrix.allow_pickle,
                ),
                guided=cell.guided,
                kv=cell.kv,
                wire_family=model.wire_family,
                kernels=self.kernels.get((cell.model, cell.precision), matrix.kernel),
                threads=self.threads,
                device=matrix.device,
            ),
            settings=ReplaySettings(
                wire_family=model.wire_family,
                max_tokens=matrix.max_tokens,
                temperature=matrix.temperature,
                top_p=matrix.top_p,
                top_k=matrix.top_k,
                seed=matrix.seed,
                mode=matrix.replay,
                step_cap=matrix.step_cap,
            ),
            sessions=self.sessions[cell.scenario],
            log=folder / "logs" / f"{cell.cell_id.replace('/', '_')}.log",
        )

    def run_record(self, run_id: str, command: str) -> RunRecord:
        """The run as it is stored before anything ran."""
        return RunRecord(
            run_id=run_id,
            matrix=self.matrix.model_dump(mode="json"),
            digest=self.digest,
            command=command,
            environment=self.environment,
            sessions=[
                {
                    "id": session.id,
                    "scenario": scenario,
                    "tags": list(session.tags),
                    "calls": len(session.calls),
                    "scored_calls": sum(call.expect.kind != "any" for call in session.calls),
                    "gold": session.source.gold,
                }
                for scenario, sessions in self.sessions.items()
                for session in sessions
            ],
            created_at=time.time(),
            finished_at=None,
            round_wall_s={},
            others_busy=None,
        )


def load_scenarios(matrix: Matrix) -> dict[str, Scenario]:
    """The matrix's scenarios, cut to the first `sessions` and the first `calls` of each where it says so.

    Raises:
        UserError: an unknown scenario, a malformed session, or one that cannot be replayed live though it is
            to be.
    """
    found = {}
    for name in matrix.scenario:
        scenario = load_scenario(name)
        sessions = [
            session.model_copy(update={"calls": session.calls[: matrix.calls]})
            for session in scenario.sessions[: matrix.sessions]
        ]
        if matrix.replay == "live":
            for session in sessions:
                _check_live(session)
        found[name] = replace(scenario, sessions=tuple(sessions))
    return found


def _check_live(session: Session) -> None:
    """Refuse a session that has no world, or that the matrix or the scenario's preset cut."""
    gold_state(session)
    if any(message.role == "assistant" for message in session.messages[session.calls[-1].at + 1 :]):
        raise UserError(
            "calls",
            got=f"{len(session.calls)}, which cuts session {session.id!r}",
            expected="whole sessions: a live one is judged by the state that all its replies lead to",
            hint="Leave `calls` out of the matrix and of the scenario, or start from `lab run live`.",
        )


def prepare(matrix: Matrix, out: Path, progress: Progress | None = None) -> Plan:
    """Check and fetch all that the matrix needs; `progress` is called with (what, done, total).

    Raises:
        UserError: an axis value that cannot be had here, too little disk space, a device that is not there.
    """
    # Needs torch, which takes seconds to import; listing the cells does not.
    from lab.measure.ceilings import ceilings
    from lab.measure.choice import label
    from lab.quantize.weights import identity as written
    from lab.quantize.weights import quantization

    _check_device(matrix.device)
    check_output(out)
    scenarios = load_scenarios(matrix)
    models = {name: resolve(name, progress=progress) for name in matrix.model}
    draft_model = _draft_model(matrix, progress) if "draft-model" in matrix.speculation else None
    heads = _heads(matrix, models) if "eagle3" in matrix.speculation else {}
    if set(matrix.guided) != {"off"}:
        for files in models.values():
            require(files.wire_family)
    threads = matrix.threads or default_threads()
    tell = progress or (lambda _phase, _done, _total: None)
    measured = ceilings(matrix.device, threads, progress=lambda part: tell("probe", round(100 * part), 100))
    native = "native" in matrix.engine
    weights = _weights(matrix, models, tell) if native else {}
    chosen = _kernels(matrix, models, weights, threads, tell) if native else {}
    # A head that was trained again is another one, wherever it lies.
    digests = {name: _weights_digest(path) for name, path in heads.items()}
    environment = {
        "machine": fingerprint(),
        "ceilings": asdict(measured),
        "others_busy": load_now(),
        "threads": threads,
        "models": {name: _provenance(files) for name, files in models.items()},
        "heads": digests,
        "quantized": {
            f"{name}/{precision}": quantization(path) for (name, precision), path in weights.items()
        },
        "kernels": {f"{name}/{precision}": asdict(choice) for (name, precision), choice in chosen.items()},
    }
    identity = {name: scenario.digest for name, scenario in scenarios.items()}
    identity["machine"] = machine_key(threads)
    identity |= {f"head of {name}": found for name, found in digests.items()}
    identity |= {f"{name} in {precision}": written(path) for (name, precision), path in weights.items()}
    # Calls of other kernels belong to another run.
    identity |= {
        f"kernels of {name} in {precision}": label(choice.kernels)
        for (name, precision), choice in chosen.items()
    }
    return Plan(
        matrix=matrix,
        cells=matrix.cells(),
        models=models,
        draft_model=draft_model,
        heads=heads,
        sessions={name: scenario.sessions for name, scenario in scenarios.items()},
        digest=matrix.digest(identity),
        environment=environment,
        threads=threads,
        kernels={key: choice.kernels for key, choice in chosen.items()},
        weights=weights,
    )


def _weights(matrix: Matrix, models: dict[str, ModelFiles], tell: Progress) -> dict[tuple[str, str], Path]:
    """The weights of every model and precision that do not run with the model's own."""
    from lab.quantize.weights import weights_for

    found = {
        (name, precision): weights_for(files, precision, matrix.quantized, tell)
        for name, files in models.items()
        for precision in matrix.precision
    }
    return {key: path for key, path in found.items() if path != models[key[0]].path}


def _kernels(
    matrix: Matrix,
    models: dict[str, ModelFiles],
    weights: dict[tuple[str, str], Path],
    threads: int,
    tell: Progress,
) -> dict[tuple[str, str], Choice]:
    """The fastest kernels here for every model and precision, but for what the matrix pins.

    What cannot be had at all is left for its cell to tell.
    """
    from lab.measure.choice import Choice, choose_kernels

    def choose(path: Path, precision: str) -> Choice:
        def told(done: int, total: int) -> None:
            tell(f"Kernels of {precision}", done, total)

        try:
            return choose_kernels(
                path, precision, threads=threads, device=matrix.device, pins=matrix.kernel, tell=told
            )
        except UserError:
            return Choice(matrix.kernel, {})

    return {
        (name, precision): choose(weights.get((name, precision), files.path), precision)
        for name, files in models.items()
        for precision in matrix.precision
    }


def _draft_model(matrix: Matrix, progress: Progress | None) -> Path | None:
    if matrix.draft_model is None or matrix.draft_model.startswith("layers-"):
        return Path(matrix.draft_model) if matrix.draft_model else None
    return resolve(matrix.draft_model, progress=progress).path


def _heads(matrix: Matrix, models: dict[str, ModelFiles]) -> dict[str, Path]:
    from lab.models.config import read_config
    from lab.speculation.eagle3.checkpoint import read_head_config

    heads = {}
    for name, files in models.items():
        heads[name] = resolve_head(files, matrix.draft_head, allow_pickle=matrix.allow_pickle)
        read_head_config(heads[name], read_config(files.path))
    return heads


def _weights_digest(folder: Path) -> str:
    """SHA-256 (hex) of the weights in a folder."""
    found = hashlib.sha256()
    for pattern in ("*.safetensors", "*.bin"):
        for path in sorted(folder.glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()


def _provenance(files: ModelFiles) -> dict[str, Any]:
    """What identifies the model, without where it lies on this machine."""
    kept = ("name", "wire_family", "source", "revision", "sha256")
    return {key: value for key, value in asdict(files).items() if key in kept}


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError:
        kind = device
    if kind != "cuda" or not torch.cuda.is_available():
        raise UserError(
            "device",
            got=repr(device),
            expected="cpu" + (", cuda" if torch.cuda.is_available() else " (this torch sees no CUDA device)"),
            hint="`lab doctor` says what can run here.",
        )


def check_output(out: Path) -> None:
    """Refuse an output folder that cannot take a run.

    Raises:
        UserError: the folder cannot be made or written, or its disk is nearly full.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"output folder {out}",
            got=error.strerror or str(error),
            expected="a folder that can be made and written",
            hint="Choose another with --out.",
        ) from None
    if not os.access(out, os.W_OK):
        raise UserError(
            f"output folder {out}",
            got="read-only",
            expected="a folder that can be written",
            hint="Choose another with --out.",
        )
    free = shutil.disk_usage(out).free
    if free < _FREE_BYTES:
        raise UserError(
            f"disk of {out}",
            got=f"{free / 2**20:.0f} MiB free",
            expected=f"at least {_FREE_BYTES / 2**20:.0f} MiB",
            hint="Free some space or choose another disk with --out.",
        )

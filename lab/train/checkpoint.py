"""The state of a training in one safetensors file, replaced in one rename: whole or absent, and no pickle."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lab.errors import UserError

Rng = dict[str, Tensor]
"""States of the random generators that dropout draws from: `cpu`, and `cuda` where it is used."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is: optimizer steps, tokens without padding, seconds of all its runs together."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


def rng_state(device: torch.device) -> Rng:
    """The generators' states now."""
    state = {"cpu": torch.get_rng_state()}
    return state | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def set_rng_state(state: Rng, device: torch.device) -> None:
    """Put the generators into a state that `rng_state` gave."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def save(
    path: Path,
    weights: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    rng: Rng,
) -> None:
    """Write the checkpoint.

    Raises:
        UserError: it cannot be written; the one before is intact.
    """
    tensors = {f"rng/{name}": state for name, state in rng.items()}
    for name, weight in weights.items():
        tensors[f"weight/{name}"] = weight.detach()
        for key, value in optimizer.state[weight].items():
            tensors[f"{key}/{name}"] = value
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save_file(tensors, partial, metadata={"progress": json.dumps(asdict(progress))})
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"cannot write {path}", got=str(error), hint="Free some space; the same command resumes."
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def load(
    path: Path,
    weights: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> Progress:
    """Put a checkpoint's state into the weights, the optimizer and the random generators.

    Raises:
        UserError: it is damaged, or of another adapter.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            progress = Progress(**json.loads(file.metadata()["progress"]))
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(tensors[f"weight/{name}"])
                if progress.step:  # before the first one AdamW has no state
                    moments = {key: tensors[f"{key}/{name}"].to(device) for key in ("exp_avg", "exp_avg_sq")}
                    optimizer.state[weight] = {"step": tensors[f"step/{name}"], **moments}
        set_rng_state({name.removeprefix("rng/"): state for name, state in tensors.items()}, device)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise UserError(
            f"checkpoint {path}",
            got=str(error),
            hint="It is damaged; delete it to begin this training again.",
        ) from None
    return progress

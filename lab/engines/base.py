"""The contract between the replay and whatever runs an arm."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lab.errors import UserError
from lab.records import CellSetup, Generation
from lab.speculation.options import DraftOptions

if TYPE_CHECKING:
    from lab.measure.quality import Quality
    from lab.session import Session


class ContextError(UserError):
    """A prompt and the tokens asked for do not fit the model's context."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One model request as the API would carry it: OpenAI-shaped messages and tools."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How tokens are chosen. `temperature` 0 is greedy; `seed` makes sampling repeatable per call."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Everything an engine is built from.

    Attributes:
        model: the checkpoint's folder.
        weights: the folder of another precision's weights of this model; None for the model's own.
        draft: what the drafter is made from.
        guided: one of `lab.guided.GUIDES`.
        kv: how the target keeps keys and values, one of `lab.precision.KV_PRECISIONS`.
        wire_family: how the model writes tool calls; only a guided engine needs to know.
        kernels: op -> pinned implementation.
        threads: of the CPU; None leaves the library's choice.
    """

    model: Path
    weights: Path | None = None
    precision: str = "bf16"
    speculation: str = "none"
    draft: DraftOptions = field(default_factory=DraftOptions)
    guided: str = "off"
    kv: str = "bf16"
    wire_family: str | None = None
    kernels: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can show of its own work; reports name what is missing and why."""

    sees_steps: bool
    sees_logits: bool
    reuses_prefix: bool


class Engine(Protocol):
    """Runs one arm. Not thread-safe; one instance a worker process."""

    def capabilities(self) -> Capabilities: ...

    def setup(self) -> CellSetup:
        """What was loaded, and what was measured while loading."""
        ...

    def check(self, prompt: Prompt, params: Decoding) -> int:
        """The prompt's length in tokens, without computing anything.

        Raises:
            ContextError: the prompt and `params.max_tokens` do not fit the model's context.
            UserError: the model does not take such messages.
        """
        ...

    def generate(self, prompt: Prompt, params: Decoding) -> Generation:
        """Answer one prompt; raises as `check` does."""
        ...

    def margin_noise(self, prompt: Prompt, params: Decoding, reply: Sequence[int]) -> float | None:
        """By how much the lead of one logit over another depends on how many rows are computed at once.

        Teacher-forces `reply` behind `prompt` one row at a time and in blocks of a verify step's size, and
        returns the largest difference between the two of the lead of a position's likeliest token over its
        runner-up; None if the engine cannot see logits.
        """
        ...

    def quality(self, session: Session, reference: EngineConfig | None) -> Quality | None:
        """The recorded replies' tokens under this engine's model and under the reference's.

        Args:
            reference: what the reference is built from; None if this engine is it.

        Returns:
            None if the engine cannot see logits.
        """
        ...

    def reset(self) -> None:
        """Drop all session state (caches, drafter memory)."""
        ...

    def close(self) -> None: ...


def load_engine(
    where: str, config: EngineConfig, progress: Callable[[int, int], None] | None = None
) -> Engine:
    """Build the engine at `where`, a value of `ENGINES`; `progress` is called with (layers done, layers)."""
    module, _, attribute = where.partition(":")
    made: Engine = getattr(importlib.import_module(module), attribute)(config, progress)
    return made

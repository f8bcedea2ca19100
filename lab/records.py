"""What is stored: plain frozen records, written by the runner and read by analysis and reports.

Times are seconds, sizes bytes, and an undefined figure is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

StepKind = Literal["plain", "verify"]
FinishReason = Literal["stop", "length"]
CellStatus = Literal["pending", "running", "done", "failed"]
ReplayMode = Literal["teacher-forced", "live"]
Ending = Literal["answered", "step cap", "context"]

REPLAY_MODES: tuple[ReplayMode, ...] = get_args(ReplayMode)
# Precision, speculation, guided, kv.
Arm = tuple[str, str, str, str]

# The score ladder, from the weakest statement to the headline.
RUNGS = ("parse_ok", "decision_ok", "name_ok", "schema_ok", "args_ok")


@dataclass(frozen=True, slots=True)
class Step:
    """One forward of the target: a plain step (one token) or a verify step over drafted tokens.

    Attributes:
        kind: `plain` or `verify`.
        context: tokens in the KV cache before the step.
        drafted: drafted tokens handed to the target (0 for a plain step); the forward has `drafted + 1` rows.
        depth: of the draft: the most of its tokens that could be accepted; `drafted` where it is a chain.
        outside: whether the token with which the target left the draft is one that cannot be drafted.
        accepted: drafted tokens that were accepted and kept.
        emitted: tokens the step added to the output. One more than `accepted`, except where the output
            ends inside the accepted tokens.
        draft_s, verify_s, other_s: drafting; the target's forward; everything else of the step.
        mask_s: guided decoding: following the grammar, cutting drafts, computing and applying token masks.
        target_bytes, draft_bytes, kv_bytes: bytes the step had to read of the target's weights as stored,
            of the draft's weights, and of keys and values.
    """

    kind: StepKind
    context: int
    drafted: int
    accepted: int
    emitted: int
    draft_s: float
    verify_s: float
    other_s: float
    target_bytes: int
    draft_bytes: int
    kv_bytes: int
    mask_s: float = 0.0
    depth: int = 0
    outside: bool = False

    @property
    def seconds(self) -> float:
        return self.draft_s + self.mask_s + self.verify_s + self.other_s

    @property
    def bytes_read(self) -> int:
        return self.target_bytes + self.draft_bytes + self.kv_bytes


@dataclass(frozen=True, slots=True)
class Generation:
    """What an engine returns for one model call.

    Attributes:
        token_ids: every generated token, an end-of-turn token included.
        text: the decoded tokens, special tokens kept, without the end-of-turn token.
        margins: per generated token the gap between the two largest logits of the target at that position;
            under guidance between the two largest of the allowed tokens, and where only one was allowed
            about the largest number of the logits' type.
        encode_s: prompt rendering and tokenization.
        prefill_s: the prompt's forward and the choice of the first token.
        finish_s: decoding the tokens to text.
        steps: one entry a target forward after the prefill.
        ends: where the text of each token ends in `text`, an end-of-turn token left out; empty where the
            tokens' texts do not add up to it.
        peak_memory_bytes: the peak of the process (CPU) or of the device (CUDA) during the call.
    """

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    margins: tuple[float, ...]
    prompt_tokens: int
    reused_tokens: int
    encode_s: float
    prefill_s: float
    finish_s: float
    steps: tuple[Step, ...]
    peak_memory_bytes: int | None
    ends: tuple[int, ...] = ()

    @property
    def ledger_s(self) -> float:
        """The sum of everything the ledger accounts for."""
        return self.encode_s + self.prefill_s + self.finish_s + sum(step.seconds for step in self.steps)


@dataclass(frozen=True, slots=True)
class Score:
    """The ladder of one call; a rung is None where the expectation does not define it.

    `lenient_args_ok` is `args_ok` after values were cast by schema. `errors` are the error classes.
    """

    parse_ok: bool
    decision_ok: bool
    name_ok: bool
    schema_ok: bool
    args_ok: bool
    lenient_args_ok: bool
    errors: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One replayed model call. `round` 0 is the warm-up; timed rounds start at 1. `wall_s` is measured
    around `Engine.generate` by the replay, independently of the ledger; `lab_s` is the lab's own work on the
    call (scoring) outside of it; `cold` marks the first call of a session, whose prefix is not in the cache.
    `score` is None where the session expects nothing of the call, and in live replay. `read_gb_per_s` is what
    large buffers were read with just before the session; None where that was not measured."""

    cell_id: str
    round: int
    session_id: str
    call_index: int
    cold: bool
    started_at: float
    wall_s: float
    lab_s: float
    generation: Generation
    score: Score | None
    read_gb_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """How one live session ended; stored after its last call, so a session without one did not end.

    Attributes:
        success: the state is right, nothing that had to be said is missing, every turn was answered.
        state_ok: the world's final state equals the one that the recorded calls lead to.
        statements_ok: the last reply holds every required statement; None where none is required.
        ended: every turn was `answered`, the `step cap` came first, or the next prompt did not fit the
            model's `context`.
        steps: model calls made.
        tool_errors: tool results that were errors, malformed calls included.
    """

    cell_id: str
    round: int
    session_id: str
    success: bool
    state_ok: bool
    statements_ok: bool | None
    ended: Ending
    steps: int
    tool_errors: int


@dataclass(frozen=True, slots=True)
class QualityRecord:
    """A cell's next-token distributions over the recorded replies of one session, against those of the
    reference precision; sums over tokens.

    Attributes:
        nll: negative log-likelihood of the recorded tokens, nats.
        kl: Kullback-Leibler divergence from the reference's distribution, nats.
        agree: tokens whose likeliest candidate is the reference's.
    """

    cell_id: str
    session_id: str
    tokens: int
    nll: float
    kl: float
    agree: int


@dataclass(frozen=True, slots=True)
class CellSetup:
    """What a cell's worker found out while it started.

    Attributes:
        load_s: loading weights and building the engine.
        weight_bytes: the target's weights as stored.
        kernels: op name -> implementation that runs.
        logit_noise: the largest difference between the logits of the same positions computed one row at a
            time and several rows at once, over the candidates near the top; the source of near-ties.
        warmup_calls: calls replayed before the timed rounds.
        facts: engine-specific facts for the report (threads, device, dtype, layers, ...).
    """

    load_s: float
    weight_bytes: int
    kernels: dict[str, str]
    logit_noise: float | None
    warmup_calls: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One cell of the run. `reason` says why a failed cell failed."""

    cell_id: str
    engine: str
    model: str
    precision: str
    speculation: str
    guided: str
    kv: str
    scenario: str
    status: CellStatus
    reason: str | None
    setup: CellSetup | None

    @property
    def arm(self) -> Arm:
        return (self.precision, self.speculation, self.guided, self.kv)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The run as a whole.

    Attributes:
        run_id: the name of the run's folder.
        matrix: the matrix as it was validated (JSON-ready).
        digest: what identifies the matrix and its sessions; a run resumes only under the same digest.
        command: the command line that reproduces the run.
        environment: machine, packages and ceilings (see `lab.measure.machine`).
        sessions: per session `id`, `scenario`, `tags`, `calls`, `scored_calls` (those that expect something)
            and `gold`.
        created_at, finished_at: Unix time; `finished_at` is None while the run is unfinished.
        round_wall_s: wall time of each finished timed round.
        others_busy: processors that others used while rounds ran, in the mean; None where unknown.
    """

    run_id: str
    matrix: dict[str, Any]
    digest: str
    command: str
    environment: dict[str, Any]
    sessions: list[dict[str, Any]]
    created_at: float
    finished_at: float | None
    round_wall_s: dict[int, float]
    others_busy: float | None

    @property
    def replay(self) -> ReplayMode:
        """How the run's sessions were replayed: all of them the same way."""
        mode: ReplayMode = self.matrix["replay"]
        return mode


@dataclass(frozen=True, slots=True)
class StepTimes:
    """One forward of a decoder, timed over and over (`lab curve`).

    Attributes:
        kernel: the implementations that ran, as `lab run --kernel` takes them, joined by commas.
        context: tokens in the cache before it.
        rows: tokens of the forward: 1 in a plain step, one more than was drafted in a verify step.
        step_s: seconds of the forward, all logits included, a repeat each.
        matmul_s: seconds of its matrix products alone, a repeat each.
        bytes_read: of weights, keys and values.
        operations: a multiply-add is two.
        reads_per_s: bytes a second that a large buffer is read with, in each repeat; empty if not measured.
    """

    precision: str
    kernel: str
    context: int
    rows: int
    step_s: tuple[float, ...]
    matmul_s: tuple[float, ...]
    bytes_read: int
    operations: int
    reads_per_s: tuple[float, ...] = ()

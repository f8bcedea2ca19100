"""The native engine: the lab's own decoder, with every step in sight.

One call: encode the prompt, reuse the cached prefix, prefill the rest, then steps of draft -> verify ->
accept until a stop token or the token limit. Every moment of it is on the ledger.

Under guidance the grammar's masks are on the logits before anything is chosen from them, so that greedy,
sampled and speculative decoding stay what they are, over the allowed tokens alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lab.engines.base import Capabilities, ContextError, Decoding, EngineConfig, Prompt
from lab.guided.grammar import require
from lab.measure.ledger import Ledger
from lab.measure.memory import peak_bytes, reset_peak
from lab.measure.quality import Quality, quality
from lab.models.checkpoint import load_decoder
from lab.models.config import read_config
from lab.models.decoder import PREFILL_ROWS, Decoder, Taps
from lab.models.examples import examples_of
from lab.models.tokenizer import ChatTokenizer
from lab.precision.base import load_precision
from lab.records import CellSetup, FinishReason, Generation, Step
from lab.session import Session
from lab.speculation.base import Drafter, load_drafter
from lab.speculation.tree import TokenTree
from lab.speculation.verify import Chooser, Greedy, Sampled, top_two, verify

if TYPE_CHECKING:
    from lab.guided.guide import Guide, Guides

NO_DRAFT = TokenTree.chain(())


@dataclass(slots=True)
class _Output:
    """The tokens of a call so far, with their margins, and why it ended."""

    limit: int
    stop_ids: frozenset[int]
    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    finish: FinishReason | None = None

    def extend(self, tokens: Sequence[int], margins: Sequence[float]) -> int:
        """Append until a stop token or the limit; the number of tokens taken."""
        for taken, (token, margin) in enumerate(zip(tokens, margins, strict=True), start=1):
            self.tokens.append(token)
            self.margins.append(margin)
            if token in self.stop_ids:
                self.finish = "stop"
            elif len(self.tokens) == self.limit:
                self.finish = "length"
            if self.finish is not None:
                return taken
        return len(tokens)


class NativeEngine:
    """Runs one arm on CPU or CUDA, one sequence at a time."""

    def __init__(self, config: EngineConfig, progress: Callable[[int, int], None] | None = None):
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        clock = Ledger()
        self.config = config
        self.device = torch.device(config.device)
        self.tokenizer = ChatTokenizer.load(config.model)
        self.guides = _load_guides(config, self.tokenizer)
        self.precision = load_precision(config.precision, config.kernels)
        weights = config.weights or config.model
        self.decoder = load_decoder(
            weights, self.precision, self.device, progress, config.kernels, kv=config.kv
        )
        self.use(load_drafter(config.speculation, config.draft, self.decoder))
        self._sync = torch.cuda.synchronize if self.device.type == "cuda" else None
        # Kept over sessions: it grows to the longest and is not allocated again while something is timed.
        self._cache = self.decoder.new_cache()
        # The tokens whose keys and values are in the cache.
        self._cached: list[int] = []
        self._compared: tuple[EngineConfig, Decoder] | None = None
        self._load_s = clock.lap()

    def use(self, drafter: Drafter | None) -> None:
        """Draft with this from now on; a session must not be under way."""
        self.drafter = drafter
        self._taps = Taps(drafter.taps if drafter is not None else ())

    def capabilities(self) -> Capabilities:
        return Capabilities(sees_steps=True, sees_logits=True, reuses_prefix=True)

    def setup(self) -> CellSetup:
        reach = self.drafter.trained_context if self.drafter is not None else None
        return CellSetup(
            load_s=self._load_s,
            weight_bytes=self.decoder.stored_bytes,
            kernels={**self.precision.kernels, **self.decoder.kernels},
            logit_noise=None,
            warmup_calls=0,
            facts={
                "device": str(self.device),
                "threads": torch.get_num_threads(),
                "dtype": str(self.precision.dtype).removeprefix("torch."),
                "architecture": self.decoder.config.architecture,
                "context": self.decoder.config.context,
                "kv": self.decoder.kv,
                **({} if reach is None else {"draft_context": reach}),
            },
        )

    def reset(self) -> None:
        self._cache.truncate(0)
        self._cached = []
        self._taps.clear()
        if self.drafter is not None:
            self.drafter.reset()
        if self.guides is not None:
            self.guides.reset()

    def close(self) -> None:
        self.reset()

    def check(self, prompt: Prompt, params: Decoding) -> int:
        self._guide(prompt)
        return len(self._encode(prompt, params))

    @torch.inference_mode()
    def generate(self, prompt: Prompt, params: Decoding) -> Generation:
        reset_peak(self.device)
        ledger = Ledger(self._sync)
        prompt_ids = self._encode(prompt, params)
        guide = self._guide(prompt)
        encode_s = ledger.lap()

        out = _Output(params.max_tokens, self.tokenizer.stop_ids)
        generator = torch.Generator().manual_seed(params.seed)
        reused, logits = self._prefill(prompt_ids)
        if guide is not None:
            guide.follow((), NO_DRAFT)[1].apply(logits)
        chooser, margins = self._chooser(logits, params, generator)
        out.extend([chooser.draw(0)], margins)
        if self.drafter is not None:
            self.drafter.prime([*prompt_ids, *out.tokens], self._taps.take())
        prefill_s = ledger.lap()

        steps: list[Step] = []
        while out.finish is None:
            steps.append(self._step(out, params, generator, guide, ledger))

        body = out.tokens[:-1] if out.finish == "stop" else out.tokens
        text = self.tokenizer.decode(body)
        ends = self.tokenizer.ends(body, text)
        peak = peak_bytes(self.device)
        return Generation(
            token_ids=tuple(out.tokens),
            text=text,
            finish_reason=out.finish,
            margins=tuple(out.margins),
            prompt_tokens=len(prompt_ids),
            reused_tokens=reused,
            encode_s=encode_s,
            prefill_s=prefill_s,
            finish_s=ledger.lap(),
            steps=tuple(steps),
            peak_memory_bytes=peak,
            ends=ends,
        )

    @torch.inference_mode()
    def margin_noise(self, prompt: Prompt, params: Decoding, reply: Sequence[int]) -> float:
        self._prefill(self._encode(prompt, params))
        most = self.config.draft.tokens if self.drafter is None else self.drafter.most
        start, rows = self._cache.length, 1 + most
        tokens = torch.tensor(reply, device=self.device)
        logits = []
        for size in (1, rows):
            logits.append(
                torch.cat([self.decoder.forward(block, self._cache) for block in tokens.split(size)])
            )
            self._cache.truncate(start)
        one, many = logits
        top = one.topk(2, dim=-1).indices
        leads = [values.gather(-1, top).diff(dim=-1) for values in (one, many)]
        return float((leads[0] - leads[1]).abs().max())

    def quality(self, session: Session, reference: EngineConfig | None) -> Quality:
        decoder = self.decoder if reference is None else self._reference(reference)
        return quality(self.decoder, decoder, examples_of(session, self.tokenizer))

    def _reference(self, config: EngineConfig) -> Decoder:
        """The reference's decoder, loaded once."""
        if self._compared is None or self._compared[0] != config:
            precision = load_precision(config.precision, config.kernels)
            weights = config.weights or config.model
            decoder = load_decoder(weights, precision, self.device, kernels=config.kernels, kv=config.kv)
            self._compared = config, decoder
        return self._compared[1]

    def _step(
        self,
        out: _Output,
        params: Decoding,
        generator: torch.Generator,
        guide: Guide | None,
        ledger: Ledger,
    ) -> Step:
        """One draft -> verify -> accept. The root row is the last emitted token, not yet in the cache."""
        start = self._cache.length
        tree, draft_bytes = NO_DRAFT, 0
        if self.drafter is not None:
            room = self.decoder.config.context - start - 1
            # The target adds one token of its own, so drafting up to the limit would be wasted.
            left = params.max_tokens - len(out.tokens) - 1
            budget = min(self.drafter.most, left, room)
            if budget > 0:
                tree = self.drafter.propose(budget)
                draft_bytes = self.drafter.bytes_read
        draft_s = ledger.lap()

        mask_s = 0.0
        if guide is not None:
            # A forbidden draft could not be accepted: it is cut before the target reads a row for it.
            tree, masks = guide.follow(out.tokens, tree)
            mask_s = ledger.lap()

        rows = 1 + len(tree)
        target_bytes, kv_bytes = self.decoder.forward_bytes(rows), self._cache.bytes_read(rows)
        tokens = torch.tensor([out.tokens[-1], *tree.tokens], device=self.device)
        if tree.is_chain:
            logits = self.decoder.forward(tokens, self._cache, taps=self._taps)
        else:
            depths = torch.tensor(tree.depths(), device=self.device)
            visible = tree.visible().to(self.device)
            logits = self.decoder.forward(
                tokens, self._cache, depths=depths, visible=visible, taps=self._taps
            )
        verify_s = ledger.lap()

        if guide is not None:
            masks.apply(logits)
            mask_s += ledger.lap()

        chooser, margins = self._chooser(logits, params, generator)
        verified = verify(tree, chooser)
        self._cached.append(out.tokens[-1])
        emitted = out.extend(verified.tokens, [margins[row] for row in verified.rows])
        # Of the emitted tokens, the last one has not been through the target yet.
        kept = verified.path[: emitted - 1]
        read = [0, *(node + 1 for node in kept)]
        self._cache.keep(start, read)
        self._cached.extend(tree.tokens[node] for node in kept)
        outside = False
        if self.drafter is not None:
            left = len(tree) > 0 and emitted == len(verified.tokens)
            outside = left and not self.drafter.can_draft(verified.tokens[-1])
            self.drafter.accept(verified.tokens[:emitted], self._taps.take(read))
        return Step(
            kind="verify" if len(tree) else "plain",
            context=start,
            drafted=len(tree),
            accepted=min(emitted, len(verified.path)),
            emitted=emitted,
            draft_s=draft_s,
            verify_s=verify_s,
            other_s=ledger.lap(),
            target_bytes=target_bytes,
            draft_bytes=draft_bytes,
            kv_bytes=kv_bytes,
            mask_s=mask_s,
            depth=max(tree.depths()),
            outside=outside,
        )

    def _guide(self, prompt: Prompt) -> Guide | None:
        """What holds the reply to the prompt's tools; its grammar is compiled once a session."""
        return self.guides.start(prompt.tools, self.tokenizer.stop_ids) if self.guides is not None else None

    def _encode(self, prompt: Prompt, params: Decoding) -> list[int]:
        ids = self.tokenizer.encode_prompt(prompt.messages, prompt.tools)
        context = self.decoder.config.context
        if len(ids) + params.max_tokens > context:
            raise ContextError(
                "prompt",
                got=f"{len(ids)} tokens and up to {params.max_tokens} new ones",
                expected=f"at most the model's context of {context}",
                hint="Use shorter sessions, fewer tools, a lower --max-tokens, or a longer-context model.",
            )
        return ids

    def _prefill(self, prompt_ids: list[int]) -> tuple[int, Tensor]:
        """(tokens reused, logits [1, vocabulary] of the prompt's last token).

        The longest common prefix stays in the cache, but at least the last token is computed.
        """
        limit = min(len(self._cached), len(prompt_ids) - 1)
        reused = next((i for i in range(limit) if self._cached[i] != prompt_ids[i]), limit)
        self._cache.truncate(reused)
        logits = torch.empty(0)
        for block in torch.tensor(prompt_ids[reused:], device=self.device).split(PREFILL_ROWS):
            logits = self.decoder.forward(block, self._cache, last_only=True, taps=self._taps)
        self._cached = list(prompt_ids)
        return reused, logits

    def _chooser(
        self, logits: Tensor, params: Decoding, generator: torch.Generator
    ) -> tuple[Chooser, list[float]]:
        """How tokens are chosen from logits [rows, vocabulary], and each row's top-2 margin."""
        best, margins = top_two(logits)
        if params.temperature == 0:
            return Greedy(best), margins
        return Sampled(logits, params.temperature, params.top_p, params.top_k, generator), margins


def _load_guides(config: EngineConfig, tokenizer: ChatTokenizer) -> Guides | None:
    if config.guided == "off":
        return None
    assert config.wire_family is not None
    require(config.wire_family)
    from lab.guided.guide import Guides  # imports llguidance, which `require` has found

    vocabulary = read_config(config.model).vocabulary
    return Guides(tokenizer.serialized(), vocabulary, min(tokenizer.stop_ids), config.wire_family)

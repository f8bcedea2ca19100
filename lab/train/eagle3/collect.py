"""Training data: sessions as the target itself answers them, with its hidden states.

The sessions are replayed teacher-forced by the native engine. Its drafter is the recorded reply, so a call
that the target answers as recorded costs little more than its prefill, and every token that is learnt is
still the target's own. Where it departs from the record, drafts are looked up in prompt and record. A reply
that differs from the record ends a sequence; the next one begins with the prefix that they share, in which
nothing is to be learnt again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lab.engines.native import NativeEngine
from lab.errors import UserError
from lab.models.checkpoint import save_whole
from lab.replay import ReplaySettings, prompt_of
from lab.session import Call, Session
from lab.speculation.ngram import NgramDrafter
from lab.speculation.tree import TokenTree

# Tokens of the record that one verify step reads.
_AT_ONCE = 48


@dataclass(frozen=True, slots=True)
class Seen:
    """One sequence of n + 1 tokens that the target has read, all but the last.

    Attributes:
        ids: int32 [n + 1].
        learn: bool [n + 1], tokens of the target's own replies; no token is learnt in two sequences.
        features: [n, 4 * hidden], the hidden states that enter the head's three layers, and the one that
            leaves the target's last layer.
    """

    ids: Tensor
    learn: Tensor
    features: Tensor

    @property
    def nbytes(self) -> int:
        """Size in memory and, but for a header, on disk."""
        return sum(t.numel() * t.element_size() for t in (self.ids, self.learn, self.features))


class _Record:
    """A drafter that proposes the recorded reply, and keeps what the target has read."""

    bytes_read = 0
    most = _AT_ONCE
    trained_context = None

    def __init__(self, taps: tuple[int, ...]):
        self.taps = taps
        self.reset()

    def reset(self) -> None:
        self.tokens: list[int] = []
        self.features = torch.empty(0)
        self.prompt = 0
        self._reply: list[int] = []
        self._lookup = NgramDrafter()

    def expect(self, reply: Sequence[int]) -> None:
        """What is recorded for the next call."""
        self._reply = list(reply)

    def prime(self, prefix: Sequence[int], features: Tensor) -> None:
        self.tokens, self.prompt = list(prefix), len(prefix) - 1
        kept = self.prompt - len(features)
        self.features = torch.cat((self.features[:kept], features)) if kept else features
        # The record comes last but for the tokens that the reply follows, so it is what is found first.
        self._lookup.reset()
        self._lookup.accept([*prefix, *self._reply, *prefix[-self._lookup.longest :]])

    def can_draft(self, _token: int) -> bool:
        return True

    def accept(self, tokens: Sequence[int], features: Tensor) -> None:
        self.tokens += tokens
        self.features = torch.cat((self.features, features))
        self._lookup.accept(tokens)

    def propose(self, budget: int) -> TokenTree:
        said = self.tokens[self.prompt :]
        if said == self._reply[: len(said)]:
            return TokenTree.chain(self._reply[len(said) :][: min(budget, _AT_ONCE)])
        return self._lookup.propose(min(budget, self._lookup.most))


def collect(
    engine: NativeEngine, sessions: Iterable[Session], taps: Sequence[int], wire_family: str
) -> Iterator[list[Seen]]:
    """The sequences of each session, in order.

    Args:
        engine: of the target, without a drafter of its own.
        taps: the head's three layers.
    """
    record = _Record((*taps, engine.decoder.config.layers))
    engine.use(record)
    settings = ReplaySettings(wire_family)
    for session in sessions:
        engine.reset()
        yield _of_session(engine, record, session, settings)


def _of_session(
    engine: NativeEngine, record: _Record, session: Session, settings: ReplaySettings
) -> list[Seen]:
    found: list[Seen] = []
    ids: list[int] = []
    learn: list[bool] = []
    features = torch.empty(0)
    for index, call in enumerate(session.calls):
        record.expect(_recorded(engine, session, call))
        engine.generate(prompt_of(session, call), settings.decoding(session, index))
        prompt = record.tokens[: record.prompt]
        if prompt[: len(ids)] != ids:
            found.append(_seen(ids, learn, features))
            ids, learn = prompt, [False] * len(prompt)
        learn += [False] * (record.prompt - len(ids)) + [True] * (len(record.tokens) - record.prompt)
        ids, features = list(record.tokens), record.features
    return [*found, _seen(ids, learn, features)]


def _recorded(engine: NativeEngine, session: Session, call: Call) -> list[int]:
    tokenizer, tools = engine.tokenizer, session.catalog(call)
    before = tokenizer.render(session.history(call), tools)
    history = session.history(call.model_copy(update={"at": call.at + 1}))
    after = tokenizer.render(history, tools, add_generation_prompt=False)
    return tokenizer.encode(after[len(before) :]) if after.startswith(before) else []


def _seen(ids: list[int], learn: list[bool], features: Tensor) -> Seen:
    return Seen(
        torch.tensor(ids, dtype=torch.int32),
        torch.tensor(learn),
        features[: len(ids) - 1].to(torch.bfloat16),
    )


class FeatureCache:
    """Collected sequences in a folder, a file a session, up to a size in bytes.

    Raises:
        UserError: the folder holds the data of something else, or cannot be written.
    """

    def __init__(self, folder: Path, identity: str, *, limit: int):
        self._folder, self._limit = folder, limit
        marker = folder / "of.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            known = json.loads(marker.read_text(encoding="utf-8")) if marker.is_file() else None
            if known is None:
                marker.write_text(json.dumps({"of": identity}) + "\n", encoding="utf-8")
            elif known != {"of": identity}:
                raise UserError(
                    f"feature cache {folder}", got="features of other data", expected="an empty folder"
                )
        except (OSError, ValueError) as error:
            raise UserError(f"feature cache {folder}", got=str(error), expected="a folder to write") from None

    def fill(
        self, count: int, make: Callable[[int], Iterator[list[Seen]]], tell: Callable[[int], bool]
    ) -> tuple[int, bool]:
        """Collect what is missing of `count` sessions.

        Args:
            make: called with how many are there, gives the sequences of the sessions after them.
            tell: called with the sessions done; False stops.

        Returns:
            How many sessions are there, and whether that is all that the limit and `tell` allow for.
        """
        done = sum(1 for _ in self._folder.glob("*.safetensors"))
        size = sum(path.stat().st_size for path in self._folder.glob("*.safetensors"))
        if done >= count:
            return done, True
        for sequences in make(done):
            size += sum(seen.nbytes for seen in sequences)
            if size > self._limit:
                return done, True
            self._save(done, sequences)
            done += 1
            if not tell(done):
                return done, done == count
            if done == count:
                break
        return done, True

    def load(self, session: int) -> list[Seen]:
        """The sequences of one session.

        Raises:
            UserError: the file is damaged.
        """
        path = self._path(session)
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise UserError(
                f"features {path}", got=str(error), hint="Delete the folder; they are collected again."
            ) from None
        return [
            Seen(*(tensors[f"{place}/{name}"] for name in ("ids", "learn", "features")))
            for place in range(len(tensors) // 3)
        ]

    def _path(self, session: int) -> Path:
        return self._folder / f"{session:06}.safetensors"

    def _save(self, session: int, sequences: list[Seen]) -> None:
        tensors = {
            f"{place}/{name}": getattr(seen, name)
            for place, seen in enumerate(sequences)
            for name in ("ids", "learn", "features")
        }
        save_whole(tensors, self._path(session))

"""Sessions -> token sequences with a loss mask, token for token as in inference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.errors import UserError
from lab.models.tokenizer import ChatTokenizer
from lab.session import Call, Session


@dataclass(frozen=True, slots=True)
class Example:
    """One token sequence.

    Attributes:
        ids: int32 [tokens].
        learn: bool [tokens], True for the tokens to be predicted: the replies, each with its end of turn.
        text: bool [tokens], True for those of replies that call no tool.
    """

    ids: Tensor
    learn: Tensor
    text: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def prompt(self) -> int:
        """Tokens before the first that is to be learnt."""
        return int(self.learn.int().argmax())

    def begins(self) -> Tensor:
        """bool [tokens], True for the first token of each reply."""
        return self.learn & ~F.pad(self.learn[:-1], (1, 0))


@dataclass(frozen=True, slots=True)
class Examples:
    """The sequences of some sessions.

    Attributes:
        skipped: ids of the sessions that are longer than the limit.
    """

    sequences: list[Example]
    skipped: list[str]


def collect(sessions: Iterable[Session], tokenizer: ChatTokenizer, *, length: int) -> Examples:
    """The sequences of all sessions of at most `length` tokens; a longer session is left out as a whole.

    Raises:
        UserError: as `examples_of` does.
    """
    sequences: list[Example] = []
    skipped: list[str] = []
    for session in sessions:
        found = examples_of(session, tokenizer)
        if max(map(len, found)) > length:
            skipped.append(session.id)
        else:
            sequences += found
    return Examples(sequences, skipped)


def examples_of(session: Session, tokenizer: ChatTokenizer) -> list[Example]:
    """The session's calls: each prompt as the engine encodes it, then the tokens of the recorded reply.

    That is one sequence as long as each prompt begins with the one before it and its reply. Where it does
    not (the visible tools change, or the template renders history differently), another sequence begins.
    Assistant messages that are no call are context.

    Raises:
        UserError: the chat template does not take the messages, or a reply has no place or no end in it.
    """
    found: list[Example] = []
    ids: list[int] = []
    learn: list[bool] = []
    text: list[bool] = []
    for call in session.calls:
        prompt, reply = _prompt_and_reply(session, call, tokenizer)
        if prompt[: len(ids)] != ids:
            found.append(_example(ids, learn, text))
            ids, learn, text = [], [], []
        before = [False] * (len(prompt) - len(ids))
        learn += [*before, *[True] * len(reply)]
        text += [*before, *[not session.messages[call.at].tool_calls] * len(reply)]
        ids = prompt + reply
    return [*found, _example(ids, learn, text)]


def _prompt_and_reply(session: Session, call: Call, tokenizer: ChatTokenizer) -> tuple[list[int], list[int]]:
    tools = session.catalog(call)
    before = tokenizer.render(session.history(call), tools)
    through = session.history(call.model_copy(update={"at": call.at + 1}))
    after = tokenizer.render(through, tools, add_generation_prompt=False)
    where = f"session {session.id!r}: messages[{call.at}]"
    if not after.startswith(before):
        raise UserError(
            where,
            got="a chat template whose generation prompt is not how it renders a reply",
            hint="Train with a template that renders every turn from its own message alone.",
        )
    # Apart from the prompt: the model continues the prompt's own tokens, and none may span the boundary.
    reply = tokenizer.encode(after[len(before) :])
    end = next((place for place, token in enumerate(reply) if token in tokenizer.stop_ids), None)
    if end is None:
        raise UserError(where, got="no end-of-turn token after the reply in the chat template's text")
    return tokenizer.encode(before), reply[: end + 1]


def _example(ids: list[int], learn: list[bool], text: list[bool]) -> Example:
    return Example(torch.tensor(ids, dtype=torch.int32), torch.tensor(learn), torch.tensor(text))

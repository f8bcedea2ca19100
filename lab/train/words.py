"""Sessions whose copied words are other words of the model's own vocabulary.

A word has one spelling in tokens behind a blank and another behind a quote (` Glasgow` is one token,
`"Glasgow` is `"`, `Gl`, `asgow`), so copying it from a request into a call takes knowing how its token is
spelled. A small pool of values teaches that of its own words only; this teaches it all over the vocabulary.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Sequence
from typing import Any

from lab.models.tokenizer import ChatTokenizer
from lab.scenarios.generate import FAMILIES, SPLITS, generate
from lab.session import MATCHER_FLAGS, MATCHER_KEYS, Session, dump_session

OTHER = 1 / 2  # share of a varied session's copied words that become other ones
SHORTEST = 4  # letters of a word that is varied
_LETTER = r"[^\W\d_]"
# A regular expression and JSON write some escapes right before a word: \bGlasgow, \nGlasgow.
_BEGINS = rf"(?:(?<!{_LETTER})|(?<=\\[bBdDwWsSntr]))"
_WORD = re.compile(rf"{_BEGINS}{_LETTER}{{{SHORTEST},}}")
# What the format of arguments and their matchers is written in.
_FORMAT = {word for key in MATCHER_KEYS | MATCHER_FLAGS for word in key.split("_")}
_FORMAT |= {"string", "norm", "exact", "json", "true", "false", "null"}


def words_of(tokenizer: ChatTokenizer) -> list[str]:
    """The words of at least five ASCII letters that are one token behind a blank and several without it."""
    found = []
    for token in range(tokenizer.vocab_size):
        text = tokenizer.decode([token])
        word = text[1:]
        plain = len(word) > SHORTEST and word.isascii() and word.isalpha() and word[1:].islower()
        if text[:1] == " " and plain and len(tokenizer.encode(word)) > 1:
            found.append(word)
    return found


def teachable(words: Iterable[str], number: int = 200) -> list[str]:
    """The words that generated sessions of the splits validation and test do not have.

    Args:
        number: sessions of every family and split that are looked at; 200 have nearly all their pools' words.
    """
    held_out: set[str] = set()
    for family in FAMILIES:
        for split in SPLITS:
            if split != "train" and (family != "novel-tools" or split == "test"):
                found = generate(family, n=number, seed=1, split=split)
                held_out |= _lower(dump_session(session) for session in found)
    return [word for word in words if word.lower() not in held_out]


def vary_words(sessions: Sequence[Session], share: float, seed: int, words: Sequence[str]) -> list[Session]:
    """The sessions, a share of them with other words where calls copy them from a request or a result.

    A word is replaced wherever the session has it, with its capitals. Words of the system prompt and the
    catalog stay, so an agent's sessions go on sharing both. What becomes of a session is a function of its id
    and the seed. A varied session is without its goal, since its world does not know the new words.

    Args:
        share: 0 to 1, the probability that a session is varied.
        words: to choose from, at least one, such as `words_of` a tokenizer.
    """
    capital = [word for word in words if word[0].isupper()] or list(words)
    small = [word for word in words if word[0].islower()] or list(words)
    found = []
    for session in sessions:
        rng = random.Random(f"{seed}/words/{session.id}")
        others = {}
        if rng.random() < share:
            for word in _copied(session):
                if rng.random() < OTHER:
                    others[word.lower()] = rng.choice(capital if word[0].isupper() else small)
        found.append(_varied(session, others) if others else session)
    return found


def _copied(session: Session) -> list[str]:
    """The words of the recorded calls' arguments that a request or a result has too, in order, each once."""
    fixed = [json.dumps([tool.model_dump(mode="json") for tool in session.tools], ensure_ascii=False)]
    fixed += [message.content or "" for message in session.messages if message.role == "system"]
    known = _lower(fixed) | _FORMAT
    told = _lower(message.content or "" for message in session.messages if message.role in ("user", "tool"))
    arguments = (call.function.arguments for message in session.messages for call in message.tool_calls or ())
    copied = {word.lower(): word for text in arguments for word in _WORD.findall(text)}
    # Capitals alone are a code or a keyword, and pieces of such a word are none.
    return [
        word
        for lower, word in copied.items()
        if lower in told and lower not in known and word[1:].islower() and word.isascii()
    ]


def _lower(texts: Iterable[str]) -> set[str]:
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def _varied(session: Session, others: dict[str, str]) -> Session:
    pattern = re.compile(rf"{_BEGINS}(?:{'|'.join(others)})(?!{_LETTER})", re.IGNORECASE)

    def other(match: re.Match[str]) -> str:
        old, new = match[0], others[match[0].lower()].lower()
        return new.upper() if old.isupper() else new.capitalize() if old[0].isupper() else new

    def retold(text: str) -> str:
        return pattern.sub(other, text)

    data: dict[str, Any] = session.model_dump(mode="json", by_alias=True, exclude_unset=True)
    data.pop("session", None)
    for message in data["messages"]:
        if message.get("content") and message["role"] != "system":
            message["content"] = retold(message["content"])
        for call in message.get("tool_calls") or ():
            call["function"]["arguments"] = retold(call["function"]["arguments"])
    for model_call in data["calls"]:
        expect = model_call["expect"]
        for calls in (expect.get("calls", ()), *expect.get("alternatives", ())):
            for call in calls:
                if "arguments" in call:
                    call["arguments"] = json.loads(retold(json.dumps(call["arguments"], ensure_ascii=False)))
    return Session.model_validate(data)

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import groupby

from lab.scoring import score_call
from lab.session import Session
from lab.train.copies import SHARE, copies

WORDS = [
    f"{'WQ'[n % 2]}{letters}" for n, letters in enumerate(("aban", "eben", "idin", "opon", "ubun", "yran"))
]
WORDS += [word.lower() for word in WORDS]


def copied(session: Session) -> list[str]:
    """The words of the recorded call's arguments."""
    (call,) = session.messages[2].tool_calls or ()
    found: list[str] = []
    for value in json.loads(call.function.arguments).values():
        found += value if isinstance(value, list) else value.split()
    return found


def test_the_call_copies_words_of_the_request_into_arguments_of_its_tool() -> None:
    for session in copies(200, 1, WORDS):
        assert set(copied(session)) <= set(WORDS)
        told = Counter(re.findall(r"\w+", session.messages[1].content or ""))
        assert not Counter(copied(session)) - told
        (call,) = session.calls
        (made,) = session.messages[call.at].tool_calls or ()
        said = f'{{"name": "{made.function.name}", "arguments": {made.function.arguments}}}'
        score = score_call(f"<tool_call>\n{said}\n</tool_call>", "stop", session, call, "hermes")
        assert score is not None
        assert score.args_ok, score.detail


def test_half_of_the_requests_have_their_words_in_quotes() -> None:
    for session in (found := copies(200, 5, WORDS)):
        request = session.messages[1].content or ""
        assert request.count('"') in (0, 2 * len(copied(session)))
    assert 70 < sum('"' in (session.messages[1].content or "") for session in found) < 130


def test_a_call_copies_about_twelve_words_and_no_word_twice_before_each_was_taken() -> None:
    many = [f"w{index:05}" for index in range(3000)]
    taken = [copied(session) for session in copies(200, 2, many)]
    words = [word for of_call in taken for word in of_call]
    assert len(words) == len(set(words))
    assert 10 <= len(words) / len(taken) <= 16
    assert min(map(len, taken)) >= 3
    few = Counter(word for session in copies(200, 2, WORDS) for word in copied(session))
    assert max(few.values()) - min(few.values()) <= 1  # in turn, and the last round may have been cut


def test_sessions_in_a_row_have_one_agent_and_seeds_have_others() -> None:
    found = copies(2 * SHARE + 3, 3, WORDS)
    agents = [len(list(group)) for _, group in groupby(found, lambda s: (s.messages[0], s.tools))]
    assert agents == [SHARE, SHARE, 3]
    assert found == copies(2 * SHARE + 3, 3, WORDS)
    assert len({session.id for session in (*found, *copies(50, 4, WORDS))}) == len(found) + 50
    assert copies(0, 3, WORDS) == []

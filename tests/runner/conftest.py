"""A made-up engine in a module of its own, so that a worker process can import it, and plans that use it."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import matrix as matrix_module
from lab.engines import ENGINES
from lab.matrix import Matrix
from lab.runner import plan as plan_module
from lab.runner.plan import Plan
from lab.scenarios.generate import generate
from lab.session import Session, parse_session
from lab.zoo.resolve import ModelFiles

ENGINE = '''
"""Answers "fine", or what `replies.json` in the model's folder says: first user message -> replies in turn.

Does on demand what real engines do by accident.
"""

import json
import os
import signal
import time

from lab.engines.base import Capabilities, ContextError
from lab.errors import UserError
from lab.records import CellSetup, Generation, Step


class MadeUpEngine:
    def __init__(self, config, progress=None):
        self.config = config
        self.calls = 0
        behaviour = config.model.name
        script = config.model / "replies.json"
        self.script = json.loads(script.read_text()) if script.exists() else {}
        if behaviour == "crashes-at-load":
            raise RuntimeError("weights fell off")
        if behaviour == "refuses":
            raise UserError("this model", got="a riddle", expected="weights")
        if progress:
            progress(1, 1)

    def capabilities(self):
        return Capabilities(True, True, True)

    def setup(self):
        return CellSetup(0.1, 1000, {"dense": "made-up"}, None, 0, {})

    def check(self, prompt, params):
        if self.config.model.name == "too-long":
            raise UserError("prompt", got="9 tokens", expected="at most 8")
        return 1

    def generate(self, prompt, params):
        self.calls += 1
        behaviour = self.config.model.name
        # Calls 1 and 2 are the warm-up.
        if behaviour.startswith("dies-by-") and self.calls > 3 and self.config.speculation != "none":
            if behaviour.endswith("exception"):
                raise RuntimeError("numbers ran out")
            if behaviour.endswith("signal"):
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        text = self.reply(prompt) if self.script else "fine"
        step = Step("plain", 1, 0, 0, 1, 0.0, 0.01, 0.0, 10, 0, 1)
        return Generation(
            (5, 6, 7), text, "stop", (1.0, 1.0, 1.0), 1, 0, 0.0, 0.01, 0.0, (step, step), None
        )

    def reply(self, prompt):
        user = next(message["content"] for message in prompt.messages if message["role"] == "user")
        made = sum(message["role"] == "assistant" for message in prompt.messages)
        if self.config.speculation != "none":
            if self.config.model.name == "gives-up":
                return "I do not know."
            if self.config.model.name == "narrow" and made == 2:
                raise ContextError("prompt", got="9 tokens", expected="at most 8")
        return self.script[user][made]

    def margin_noise(self, prompt, params, reply):
        return 0.25

    def quality(self, session, reference):
        if self.config.model.name == "dies-in-quality":
            raise RuntimeError("logits ran out")
        from lab.measure.quality import Quality  # torch takes seconds, in which a worker would seem to hang

        return Quality(10, 5.0, 0.0 if reference is None else 0.5, 10 if reference is None else 9)

    def reset(self):
        pass

    def close(self):
        pass
'''


def make_session(name: str, calls: int = 2) -> Session:
    """A session whose every turn should be answered without a tool."""
    messages: list[dict[str, str]] = []
    for turn in range(calls):
        messages += [{"role": "user", "content": f"{name} {turn}"}, {"role": "assistant", "content": "fine"}]
    return parse_session(
        json.dumps(
            {
                "schema": "agent-session/1",
                "id": name,
                "source": {"name": "test", "license": "Apache-2.0"},
                "tools": [],
                "messages": messages,
                "calls": [{"at": 2 * i + 1, "expect": {"kind": "no_call"}} for i in range(calls)],
            }
        ),
        name,
    )


def live_sessions() -> tuple[Session, ...]:
    """Sessions of one user turn and four calls in a tool world."""
    made = (session for session in generate("chain", n=40, seed=2) if len(session.calls) == 4)
    return tuple(itertools.islice(made, 2))


def gold_replies(session: Session) -> list[str]:
    """The recorded replies as a model of the hermes family writes them."""
    replies = []
    for message in (session.messages[call.at] for call in session.calls):
        made = [call.function for call in message.tool_calls or ()]
        blocks = [f'<tool_call>{{"name": "{f.name}", "arguments": {f.arguments}}}</tool_call>' for f in made]
        replies.append("\n".join(filter(None, (message.content, *blocks))))
    return replies


@pytest.fixture
def make_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """`make_plan(behaviour, rounds=2, ...)`: two arms of the made-up engine over two sessions. Where it is to
    replay live, the engine plays the recorded replies."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "made_up_engine.py").write_text(textwrap.dedent(ENGINE))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setitem(ENGINES, "made-up", "made_up_engine:MadeUpEngine")
    monkeypatch.setattr(matrix_module, "ENGINES", ENGINES)
    monkeypatch.setattr(plan_module, "ENGINES", ENGINES)

    def make(behaviour: str = "well", **settings: Any) -> Plan:
        matrix = Matrix(
            **{
                "name": "test",
                "engine": "made-up",
                "model": behaviour,
                "speculation": "none,ngram",
                "scenario": "little",
                "rounds": 2,
                "call_timeout_s": 20,
                **settings,
            }
        )
        sessions: tuple[Session, ...] = (make_session("one"), make_session("two"))
        if matrix.replay == "live":
            sessions = live_sessions()
            (tmp_path / behaviour).mkdir(exist_ok=True)
            script = {str(s.messages[1].content): gold_replies(s) for s in sessions}
            (tmp_path / behaviour / "replies.json").write_text(json.dumps(script))
        files = ModelFiles(behaviour, tmp_path / behaviour, "hermes", "local", None, None)
        return Plan(matrix, matrix.cells(), {behaviour: files}, {"little": sessions}, "digest", {}, threads=1)

    return make

"""One session on one engine, live: the model's own calls run in the session's tool world.

The user's turns are the recorded ones, in their order; what comes between them is the model's. A turn ends
with a reply that calls no tool, and the session with the last turn or at the step cap. Contexts differ
between arms, so live records are never put into one table with teacher-forced ones.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from lab.engines.base import ContextError, Decoding, Engine, Prompt
from lab.errors import UserError
from lab.records import CallRecord, Ending, OutcomeRecord
from lab.replay import ReplaySettings
from lab.scenarios.worlds import load_world
from lab.scenarios.worlds.base import JSON, World, error_result
from lab.scoring import Parsed, parse
from lab.scoring.values import normal, same
from lab.session import Session

CAP_FACTOR = 2  # default step cap, in recorded calls
MAX_CALLS = 16  # of one reply that are carried out


def gold_state(session: Session) -> JSON:
    """The state of the session's world after its recorded tool calls.

    Raises:
        UserError: the session names no world, an unknown one, or a state that the calls do not run in.
    """
    world = _world(session)
    try:
        for message in session.messages:
            for made in message.tool_calls or ():
                world.call(made.function.name, json.loads(made.function.arguments))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"session {session.id!r}: session.world.initial_state",
            got=f"{type(error).__name__} {error} in a recorded call",
            expected="a state that the recorded calls run in",
        ) from None
    return world.state()


def live(
    session: Session, engine: Engine, settings: ReplaySettings, *, cell_id: str, round_: int
) -> Iterator[CallRecord | OutcomeRecord]:
    """Run `session` live; one record a model call, without a score, and the session's outcome last.

    A malformed call is answered with an error, and so is a call of a tool that is not in the catalog.
    Every tool of the session is visible throughout. A prompt that has outgrown the model's context ends the
    session.

    Raises:
        UserError: the session names no world.
    """
    world, wanted = _world(session), gold_state(session)
    cap = settings.step_cap or CAP_FACTOR * len(session.calls)
    recorded = [settings.decoding(session, index) for index in range(len(session.calls))]
    limit = max(params.max_tokens for params in recorded)
    schemas = {tool.function.name: tool.function.parameters for tool in session.tools}
    catalog = session.catalog(session.calls[0].model_copy(update={"tools_visible": None}))
    messages: list[JSON] = [_text(m.role, m.content) for m in session.messages[:1] if m.role == "system"]
    turns = [_text("user", message.content) for message in session.messages if message.role == "user"]
    engine.reset()
    step, tool_errors, last_words, open_turns = 0, 0, "", len(turns)
    ended: Ending = "answered"
    while open_turns:
        if step == cap:
            ended = "step cap"
            break
        entered = time.perf_counter()
        if not messages or messages[-1]["role"] in {"system", "assistant"}:
            messages.append(turns[-open_turns])
        seed = recorded[0].seed + step
        params = Decoding(limit, settings.temperature, settings.top_p, settings.top_k, seed)
        started_at, begin = time.time(), time.perf_counter()
        try:
            generation = engine.generate(Prompt(list(messages), catalog), params)
        except ContextError:
            ended = "context"
            break
        end = time.perf_counter()
        parsed = parse(generation.text, settings.wire_family, schemas)
        results = _results(world, parsed, set(schemas), step)
        messages += [_reply(parsed, generation.text, step), *results]
        tool_errors += sum("error" in json.loads(result["content"]) for result in results)
        if not results:
            last_words, open_turns = parsed.content, open_turns - 1
        yield CallRecord(
            cell_id=cell_id,
            round=round_,
            session_id=session.id,
            call_index=step,
            cold=step == 0,
            started_at=started_at,
            wall_s=end - begin,
            lab_s=(begin - entered) + (time.perf_counter() - end),
            generation=generation,
            score=None,
        )
        step += 1
    state_ok = same(world.state(), wanted)
    needed = session.session.statements
    statements_ok = all(normal(each) in normal(last_words) for each in needed) if needed else None
    yield OutcomeRecord(
        cell_id=cell_id,
        round=round_,
        session_id=session.id,
        success=state_ok and statements_ok is not False and ended == "answered",
        state_ok=state_ok,
        statements_ok=statements_ok,
        ended=ended,
        steps=step,
        tool_errors=tool_errors,
    )


def _world(session: Session) -> World:
    goal = session.session.world
    if goal is None:
        raise UserError(
            f"session {session.id!r}: session.world",
            got="none",
            expected="a tool world",
            hint="Only sessions with a world can be run live; `lab sessions generate` makes them.",
        )
    return load_world(goal.name).from_state(goal.initial_state)


def _text(role: str, content: str | None) -> JSON:
    return {"role": role, "content": content or ""}


def _reply(parsed: Parsed, text: str, step: int) -> JSON:
    """The assistant's message as later prompts show it; without a well-formed call, the text as it was."""
    calls = [
        {
            "id": f"s{step}-{number}",
            "type": "function",
            "function": {
                "name": _sound(call.name),
                "arguments": _sound(json.dumps(call.arguments, ensure_ascii=False)),
            },
        }
        for number, call in enumerate(parsed.calls[:MAX_CALLS])
    ]
    if not calls:
        return _text("assistant", text if parsed.problems else parsed.content)
    return {"role": "assistant", "content": parsed.content or None, "tool_calls": calls}


def _results(world: World, parsed: Parsed, visible: set[str], step: int) -> list[JSON]:
    """One tool message a call, and one for what is malformed; empty where the reply ends the turn."""
    answers = [
        world.call(call.name, call.arguments)
        if call.name in visible
        else error_result("unknown_tool", f"there is no tool {call.name!r}")
        for call in parsed.calls[:MAX_CALLS]
    ]
    answers += [error_result("malformed_call", problem) for problem in parsed.problems[:1]]
    return [
        {
            "role": "tool",
            "tool_call_id": f"s{step}-{number}",
            "content": _sound(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))),
        }
        for number, answer in enumerate(answers)
    ]


def _sound(text: str) -> str:
    """The text without lone surrogates: JSON has escapes for them, and no tokenizer takes them."""
    return text.encode("utf-8", "replace").decode()

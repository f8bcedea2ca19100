"""What guided decoding costs: the masks' share of decode time, on held-out generated sessions.

    python benchmarks/guided_masks.py [--model smollm2-135m] [--family chain] [--sessions 8]

Every call is replayed teacher-forced, guided and greedy. Each emitted call is read by the lab's own parser
and checked against its tool's schema; a reply that the token limit cut is read up to there. The last line is
one JSON document; exit code 1 if a call was malformed or not valid.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable

from lab.engines.base import EngineConfig
from lab.engines.native import NativeEngine
from lab.measure.machine import default_threads
from lab.records import CallRecord
from lab.replay import ReplaySettings, replay
from lab.scenarios.generate import FAMILIES, generate
from lab.scoring import parse
from lab.scoring.schemas import ToolSchema
from lab.session import Session
from lab.zoo.resolve import resolve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--speculation", default="none,ngram")
    parser.add_argument("--family", default="chain", choices=tuple(FAMILIES))
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--calls", type=int, help="the first so many of each session; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--threads", type=int, default=default_threads())
    args = parser.parse_args()

    files = resolve(args.model)
    sessions = [
        session.model_copy(update={"calls": session.calls[: args.calls]})
        for session in generate(args.family, n=args.sessions, seed=args.seed, split="test")
    ]
    settings = ReplaySettings(files.wire_family, max_tokens=args.max_tokens)
    arms = {}
    for speculation in args.speculation.split(","):
        engine = NativeEngine(
            EngineConfig(
                files.path,
                precision=args.precision,
                speculation=speculation,
                guided="schema",
                wire_family=files.wire_family,
                threads=args.threads,
            )
        )
        replayed = [
            (session, record)
            for session in sessions
            for record in replay(session, engine, settings, cell_id=speculation, round_=1)
        ]
        arms[speculation] = _figures(replayed, files.wire_family)
        print(f"{speculation:>6}: {json.dumps(arms[speculation])}")
    document = {
        "model": args.model,
        "precision": args.precision,
        "family": args.family,
        "threads": args.threads,
        "arms": arms,
    }
    print(json.dumps(document))
    sys.exit(any(arm["valid_calls"] < arm["emitted_calls"] or arm["malformed"] for arm in arms.values()))


def _figures(replayed: Iterable[tuple[Session, CallRecord]], family: str) -> dict[str, float | int]:
    emitted = valid = malformed = cut = replies = 0
    mask_s = decode_s = encode_s = 0.0
    tokens = 0
    for session, record in replayed:
        generation = record.generation
        schemas = {tool.function.name: tool.function.parameters for tool in session.tools}
        parsed = parse(generation.text, family, schemas)
        open_end = generation.finish_reason == "length" and bool(parsed.unfinished)
        replies += 1
        cut += open_end
        malformed += len(
            [problem for problem in parsed.problems if not (open_end and problem == parsed.unfinished)]
        )
        emitted += len(parsed.calls)
        valid += sum(
            call.name in schemas and not ToolSchema(call.name, schemas[call.name]).faults(call.arguments)
            for call in parsed.calls
        )
        mask_s += sum(step.mask_s for step in generation.steps)
        decode_s += sum(step.seconds for step in generation.steps)
        encode_s += generation.encode_s
        tokens += len(generation.token_ids) - 1
    return {
        "replies": replies,
        "cut_inside_a_call": cut,
        "emitted_calls": emitted,
        "valid_calls": valid,
        "malformed": malformed,
        "tok_per_s": tokens / decode_s,
        "mask_share": mask_s / decode_s,
        "mask_us_per_token": 1e6 * mask_s / tokens,
        "encode_ms_per_call": 1e3 * encode_s / replies,
    }


if __name__ == "__main__":
    main()

"""How many sessions a second the generator makes, written out as JSON lines, family by family.

    python benchmarks/generate_sessions.py [--n 300] [--profile chain]

One process, one thread. The first 20 sessions of a family fill the caches of schemas and tools and are not
timed. `--profile` prints the functions that take most of one family's time instead. The last line is one JSON
document.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import time

from lab.scenarios.generate import FAMILIES, generate
from lab.session import dump_session

WARM_UP = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--profile", choices=tuple(FAMILIES))
    args = parser.parse_args()

    if args.profile:
        profile = cProfile.Profile()
        _make(args.profile, WARM_UP, seed=1)
        profile.runcall(_make, args.profile, args.n, seed=2)
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)
        return
    rates, characters = {}, {}
    print(f"{'family':<12} {'sessions/s':>10} {'characters a session':>21}")
    for family in FAMILIES:
        _make(family, WARM_UP, seed=1)
        begin = time.perf_counter()
        size = _make(family, args.n, seed=2)
        rates[family] = args.n / (time.perf_counter() - begin)
        characters[family] = size / args.n
        print(f"{family:<12} {rates[family]:>10.0f} {characters[family]:>21.0f}")
    slowest = min(rates, key=rates.__getitem__)
    print(json.dumps({"n": args.n, "slowest": slowest, "sessions_per_s": rates, "characters": characters}))


def _make(family: str, n: int, seed: int) -> int:
    return sum(len(dump_session(session)) for session in generate(family, n=n, seed=seed, split="test"))


if __name__ == "__main__":
    main()

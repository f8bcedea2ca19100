"""The session families: which requests go into a session of each, and how they are put together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import lab.scenarios.generate.smalltalk as smalltalk
from lab.errors import UserError, did_you_mean
from lab.scenarios.generate.phrases import PHRASES
from lab.scenarios.generate.script import Agent, Script, Task
from lab.scenarios.generate.tasks import TASKS
from lab.scenarios.generate.values import SPLITS, Split, Values
from lab.scenarios.generate.wording import expand
from lab.scenarios.worlds import NOVEL_WORLDS, TRAIN_WORLDS
from lab.session import Session

CATALOG_SIZES = (4, 8, 16, 32, 64)
# How many drawn requests may fail to suit an agent before another family is tried, and how many families.
_DRAWS, _FAMILIES_TRIED = 12, 4
MOST_CALLS = 8
ANY: tuple[str, ...] = ()
DONE = object()


def _script(values: Values, world: str) -> Script:
    script = Script(world, PHRASES[world], values)
    script.state |= TASKS[world].base(values)
    return script


def _perform(script: Script, tasks: Sequence[Task]) -> None:
    """All tasks on one state: first all add to it, then one after the other acts."""
    runs = [task.run(script) for task in tasks]
    for run in runs:
        next(run)
    for run in runs:
        assert next(run, DONE) is DONE, "a task yields once"
    script.tasks += [task.name for task in tasks]


def _choose(values: Values, tags: Sequence[str], worlds: Sequence[str] = TRAIN_WORLDS) -> tuple[str, Task]:
    """A world, each as likely as the others, and a task of it with one of the tags."""
    having = _having(tags, worlds)
    world = values.choice(having)
    return world, values.choice(_tagged(world, tags))


def _having(tags: Sequence[str], worlds: Sequence[str]) -> list[str]:
    return [world for world in worlds if _tagged(world, tags)]


def _tagged(world: str, tags: Sequence[str]) -> list[Task]:
    return [task for task in TASKS[world].TASKS if not tags or set(tags) & set(task.families)]


def _single(
    values: Values,
    worlds: Sequence[str] = TRAIN_WORLDS,
    *,
    tags: Sequence[str],
    calls: int = 1,
    tools: int = MOST_CALLS,
) -> Script:
    """One request, which takes at least `calls` model calls and at most `tools` different tools."""
    while True:
        world, task = _choose(values, tags, worlds)
        script = _script(values.again(), world)
        _perform(script, [task])
        if script.calls >= calls and script.used_tools <= tools:
            return script


def _several(values: Values, worlds: Sequence[str] = TRAIN_WORLDS) -> Script:
    """Two or three requests of one world, one after the other, in at most `MOST_CALLS` calls."""
    world = values.choice(worlds)
    # What follows the rule of the "rag" requests, to record every answer, would bind the others too.
    open_ = [task for task in TASKS[world].TASKS if not {"rag", "dialogue"} & set(task.families)]
    order, wanted = values.rng.sample(open_, len(open_)), values.count(2, 3)
    chosen: list[Task] = []
    for task in order:
        room = MOST_CALLS - sum(other.calls for other in chosen)
        if len(chosen) < wanted and task.calls <= min(room, MOST_CALLS - 2):
            chosen.append(task)
    script = _script(values, world)
    _perform(script, chosen)
    return script


def _dialogue(values: Values, worlds: Sequence[str] = TRAIN_WORLDS) -> Script:
    if values.chance(0.5) and _having(("dialogue",), worlds):
        return _single(values, worlds, tags=("dialogue",))
    return _several(values, worlds)


def _novel(values: Values, worlds: Sequence[str] = NOVEL_WORLDS) -> Script:
    if values.chance(0.3):
        return _several(values, worlds)
    return _single(values, worlds, tags=ANY)


def _no_call(values: Values, worlds: Sequence[str] = TRAIN_WORLDS) -> Script:
    kinds: tuple[Family, ...] = (_outside, _general, _other_world, _other_world, _recall, _out_of_order)
    return values.choice(kinds)(values, worlds)


def _outside(values: Values, worlds: Sequence[str]) -> Script:
    script = _script(values, values.choice(worlds))
    fillings = {name: values.choice(words) for name, words in smalltalk.FILLINGS.items()}
    script.ask_with("outside", smalltalk.OUTSIDE, **fillings)
    script.say(values.choice(smalltalk.REFUSALS))
    return script


def _general(values: Values, worlds: Sequence[str]) -> Script:
    script = _script(values, values.choice(worlds))
    if values.chance(0.5):
        script = _single(values, worlds, tags=("short",))
    number = values.rng.randrange(len(smalltalk.GENERAL))
    phrases, answer = smalltalk.GENERAL[number]
    script.ask_with(f"general{number}", phrases)
    script.say(answer)
    return script


def _other_world(values: Values, worlds: Sequence[str]) -> Script:
    """A request that another world's tools would serve."""
    here = values.choice(worlds)
    elsewhere = _single(values, [world for world in TRAIN_WORLDS if world != here], tags=ANY)
    script = _script(values, here)
    script.strangers = False
    script.quote(elsewhere)
    script.say(values.choice(smalltalk.REFUSALS))
    return script


def _recall(values: Values, worlds: Sequence[str]) -> Script:
    """A request, and a question that its answer has answered already."""
    script = _single(values, worlds, tags=("chain", "extraction", "retry", "short"))
    while not script.facts:
        script = _single(values, worlds, tags=("chain", "extraction", "retry", "short"))
    if values.chance(0.5) and not script.policy:
        idle = [name for name in script.kind.tools() if name not in script.called]
        script.policy = _forbid(values, values.choice(idle))
    label, value = values.choice(tuple(script.facts.items()))
    script.ask_with("recall", smalltalk.RECALL, label=label)
    script.say(f"[It is|The {label} is] {value}.", value)
    return script


def _out_of_order(values: Values, worlds: Sequence[str]) -> Script:
    """A request whose first tool must not be called."""
    asked = _single(values, worlds, tags=("short", "parallel", "retry"))
    script = _script(values, asked.world_name)
    tool = asked.called[0]
    script.policy = _forbid(values, tool)
    script.show(tool)
    script.quote(asked)
    script.say(f"[Sorry, I|I] cannot do that [today|now]: {tool} must not be used.", tool)
    return script


def _forbid(values: Values, tool: str) -> str:
    return expand(values.choice(smalltalk.OUT_OF_ORDER.of(values.split)), values.rng).format(tool=tool)


class Family(Protocol):
    """Writes a session's requests in one of the worlds, by default in any that its split may have."""

    def __call__(self, values: Values, worlds: Sequence[str] = ..., /) -> Script: ...


FAMILIES: dict[str, Family] = {
    "chain": partial(_single, tags=("chain",), calls=3),
    "parallel": partial(_single, tags=("parallel",)),
    "retry": partial(_single, tags=("retry",)),
    "no-call": _no_call,
    "extraction": partial(_single, tags=("extraction",)),
    "rag": partial(_single, tags=("rag",)),
    "sql": partial(_single, tags=("sql",)),
    "dialogue": _dialogue,
    "ambiguous": partial(_single, tags=("ambiguous",)),
    **{
        f"catalog-{size}": partial(_single, tags=("chain", "parallel"), tools=CATALOG_SIZES[0])
        for size in CATALOG_SIZES
    },
    "novel-tools": _novel,
}


def check(family: str, split: str) -> Split:
    """The split, once family and split are known to go together.

    Raises:
        UserError: names what there is.
    """
    for what, got, known in (("session family", family, tuple(FAMILIES)), ("split", split, SPLITS)):
        if got not in known:
            expected = f"one of {', '.join(known)}"
            raise UserError(what, got=repr(got), expected=expected, hint=did_you_mean(got, known))
    if family == "novel-tools" and split != "test":
        raise UserError(
            "family novel-tools", got=f"split {split}", expected="split test", hint="Its worlds are held out."
        )
    return next(known for known in SPLITS if known == split)


def generate(family: str, *, n: int, seed: int, split: Split = "test") -> Iterator[Session]:
    """The first `n` sessions of a family: the same for the same family, seed and split, whatever `n` is.

    Sizes of `catalog` share their requests: session i of `catalog-64` asks what that of `catalog-4` asks.

    Raises:
        UserError: as `check` does.
    """
    check(family, split)
    return (_one(family, seed, split, index) for index in range(1, n + 1))


def generate_shared(
    wanted: Mapping[str, int], *, share: int, seed: int, split: Split = "test"
) -> Iterator[Session]:
    """`wanted[family]` sessions of each family; up to `share` in a row have one agent.

    They begin alike then, as sessions of a deployed agent do: system prompt, date and catalog are the same.
    A session that no agent suits has one of its own.

    Raises:
        UserError: as `check` does.
    """
    for family in wanted:
        check(family, split)
    return _in_groups(Counter(wanted), share, random.Random(f"share {share}/{split}/{seed}"), split, seed)


def _in_groups(
    left: Counter[str], share: int, rng: random.Random, split: Split, seed: int
) -> Iterator[Session]:
    made: Counter[str] = Counter()
    while left.total():
        agent: Agent | None = None
        for _ in range(share):
            found = _for(agent, left, rng, split)
            if found is None:
                break
            family, script = found
            agent = agent or script.agent(_catalog_size(family))
            left[family] -= 1
            made[family] += 1
            name = f"{family}-share-{share}/{split}/{seed}/{made[family]:04}"
            yield _finish(script, family, name, f"seed={seed} split={split} share={share}", agent)


def _for(
    agent: Agent | None, left: Counter[str], rng: random.Random, split: Split
) -> tuple[str, Script] | None:
    """A session of one of the families, each as likely as it is wanted, that the agent can hold."""
    for _ in range(_FAMILIES_TRIED):
        having = [family for family in left if left[family] and (agent is None or _serves(family, agent))]
        if not having:
            return None
        # A family of few worlds has to take its chances where there are any.
        weights = [left[name] / (1 if agent is None else len(_served(name))) for name in having]
        family = rng.choices(having, weights)[0]
        if agent is None:
            return family, FAMILIES[family](Values(rng, split))
        for _ in range(_DRAWS):
            script = FAMILIES[family](Values(rng, split, agent.today), (agent.world,))
            if script.suits(agent):
                return family, script
    return None


def _serves(family: str, agent: Agent) -> bool:
    """Whether the family has requests in the agent's world, and takes a catalog of its size."""
    return agent.world in _served(family) and _catalog_size(family) in (None, len(agent.catalog))


def _served(family: str) -> list[str]:
    """The worlds in which the family has requests."""
    make = FAMILIES[family]
    return _having(make.keywords["tags"] if isinstance(make, partial) else ANY, TRAIN_WORLDS)


def _one(family: str, seed: int, split: Split, index: int) -> Session:
    size = _catalog_size(family)
    stem = family if size is None else family.partition("-")[0]
    script = FAMILIES[family](Values(random.Random(f"{stem}/{split}/{seed}/{index}"), split))
    name = f"{family}/{split}/{seed}/{index:04}"
    return _finish(script, family, name, f"seed={seed} split={split}", script.agent(size))


def _catalog_size(family: str) -> int | None:
    stem, _, size = family.partition("-")
    return int(size) if stem == "catalog" else None


def _finish(script: Script, family: str, name: str, ref: str, agent: Agent) -> Session:
    return script.session(
        session_id=f"gen/{name}",
        ref=f"{ref} tasks={','.join(script.tasks) or family}",
        tags=(family,),
        agent=agent,
    )

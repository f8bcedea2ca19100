"""The session families: which requests go into a session of each, and how they are put together."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

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
    having = [world for world in worlds if _tagged(world, tags)]
    world = values.choice(having)
    return world, values.choice(_tagged(world, tags))


def _tagged(world: str, tags: Sequence[str]) -> list[Task]:
    return [task for task in TASKS[world].TASKS if not tags or set(tags) & set(task.families)]


def _single(
    values: Values,
    tags: Sequence[str],
    worlds: Sequence[str] = TRAIN_WORLDS,
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


def _dialogue(values: Values) -> Script:
    return _single(values, ("dialogue",)) if values.chance(0.5) else _several(values)


def _novel(values: Values) -> Script:
    if values.chance(0.3):
        return _several(values, NOVEL_WORLDS)
    return _single(values, ANY, NOVEL_WORLDS)


def _no_call(values: Values) -> Script:
    kinds: tuple[Callable[[Values], Script], ...] = (
        _outside,
        _general,
        _other_world,
        _other_world,
        _recall,
        _out_of_order,
    )
    return values.choice(kinds)(values)


def _refuse(values: Values) -> Script:
    """What takes a look at the catalog or at the rules to know."""
    return values.choice((_other_world, _out_of_order))(values)


def _outside(values: Values) -> Script:
    script = _script(values, values.choice(TRAIN_WORLDS))
    fillings = {name: values.choice(words) for name, words in smalltalk.FILLINGS.items()}
    script.ask_with("outside", smalltalk.OUTSIDE, **fillings)
    script.say(values.choice(smalltalk.REFUSALS))
    return script


def _general(values: Values) -> Script:
    script = _script(values, values.choice(TRAIN_WORLDS))
    if values.chance(0.5):
        script = _single(values, ("short",), TRAIN_WORLDS)
    number = values.rng.randrange(len(smalltalk.GENERAL))
    phrases, answer = smalltalk.GENERAL[number]
    script.ask_with(f"general{number}", phrases)
    script.say(answer)
    return script


def _other_world(values: Values) -> Script:
    """A request that another world's tools would serve."""
    here = values.choice(TRAIN_WORLDS)
    elsewhere = _single(values, ANY, [world for world in TRAIN_WORLDS if world != here])
    script = _script(values, here)
    script.strangers = False
    script.quote(elsewhere)
    script.say(values.choice(smalltalk.REFUSALS))
    return script


def _recall(values: Values) -> Script:
    """A request, and a question that its answer has answered already."""
    script = _single(values, ("chain", "extraction", "retry", "short"))
    while not script.facts:
        script = _single(values, ("chain", "extraction", "retry", "short"))
    if values.chance(0.5) and not script.policy:
        idle = [name for name in script.kind.tools() if name not in script.called]
        _forbid(script, values.choice(idle))
    label, value = values.choice(tuple(script.facts.items()))
    script.ask_with("recall", smalltalk.RECALL, label=label)
    script.say(f"The {label} [is|was] {value}.", value)
    return script


def _out_of_order(values: Values) -> Script:
    """A request whose first tool must not be called."""
    asked = _single(values, ("short", "parallel", "retry"))
    script = _script(values, asked.world_name)
    tool = asked.called[0]
    _forbid(script, tool)
    script.show(tool)
    script.quote(asked)
    script.say(f"Sorry, [I cannot|but I cannot] do that [today|now]: {tool} must not be used.", tool)
    return script


def _forbid(script: Script, tool: str) -> None:
    values = script.v
    rule = expand(values.choice(smalltalk.OUT_OF_ORDER.of(values.split)), values.rng)
    script.policy, script.forbidden = rule.format(tool=tool), tool


FAMILIES: dict[str, Callable[[Values], Script]] = {
    "chain": partial(_single, tags=("chain",), calls=3),
    "parallel": partial(_single, tags=("parallel",)),
    "retry": partial(_single, tags=("retry",)),
    "no-call": _no_call,
    "refuse": _refuse,
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
    What is asked is drawn as in `generate`. Requests to agents that must not use a tool come with agents of
    their own, then those that need the most tools, and every agent gets others that it can hold as it is: one
    with a forbidden tool gets requests for that tool and for others.

    Raises:
        UserError: as `check` does.
    """
    drawn: list[_Request] = []
    for family, number in wanted.items():
        known = check(family, split)
        drawn += [
            _Request(family, known, f"{family}/{known}/{seed}/share/{index}", index)
            for index in range(1, number + 1)
        ]
    return _in_groups(
        drawn, share, f"share-{share}/{split}/{seed}", f"seed={seed} split={split} share={share}"
    )


@dataclass(frozen=True, slots=True)
class _Request:
    """A session that is still to be written: the same request for the same `draw`, whatever the date."""

    family: str
    split: Split
    draw: str
    index: int

    def script(self, today: date | None = None) -> Script:
        return FAMILIES[self.family](Values(random.Random(self.draw), self.split, today))


def _in_groups(drawn: Sequence[_Request], share: int, name: str, ref: str) -> Iterator[Session]:
    scripts = {request: request.script() for request in drawn}
    waiting = sorted(
        drawn, key=lambda request: (not scripts[request].forbidden, -scripts[request].used_tools)
    )
    while waiting:
        first = waiting.pop(0)
        agent = scripts[first].agent(_catalog_size(first.family))
        members = [(first, scripts[first])]
        for request in list(waiting):
            if len(members) == share:
                break
            sized = _catalog_size(request.family) in (None, len(agent.catalog))
            if sized and scripts[request].suits(agent, any_date=True):
                script = request.script(agent.today)
                if script.suits(agent):
                    waiting.remove(request)
                    members.append((request, script))
        for request, script in members:
            yield _finish(script, request.family, f"{request.family}-{name}/{request.index:04}", ref, agent)


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

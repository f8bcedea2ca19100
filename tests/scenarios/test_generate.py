"""Generated sessions keep what the families promise, and the splits share neither values nor phrasing."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations, groupby, pairwise
from typing import Any

import jsonschema
import pytest

from lab.errors import UserError
from lab.scenarios.generate import FAMILIES, SPLITS, Split, generate, generate_shared
from lab.scenarios.generate.families import CATALOG_SIZES
from lab.scenarios.generate.phrases import PHRASES, more
from lab.scenarios.generate.pools import CITIES, LAST_NAMES
from lab.scenarios.generate.tasks import TASKS
from lab.scenarios.generate.tasks.themes import THEMES, mixed
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import CLOSERS, MANNERS, OPENERS, SYSTEM
from lab.scenarios.worlds import NOVEL_WORLDS, TRAIN_WORLDS, load_world
from lab.scoring import score_call
from lab.session import Message, Session, dump_session, parse_session

N = 40
SPLITS_OF: dict[str, tuple[Split, ...]] = {
    family: ("test",) if family == "novel-tools" else SPLITS for family in FAMILIES
}
PAIRS = [(family, split) for family in FAMILIES for split in SPLITS_OF[family]]
each_family = pytest.mark.parametrize("family", FAMILIES)


@cache
def sessions(family: str, split: Split = "test", n: int = N) -> tuple[Session, ...]:
    return tuple(generate(family, n=n, seed=3, split=split))


def hermes(message: Message) -> str:
    made = [call.function for call in message.tool_calls or ()]
    calls = [f'{{"name": "{each.name}", "arguments": {each.arguments}}}' for each in made]
    return "\n".join(
        filter(None, (message.content, *(f"<tool_call>\n{each}\n</tool_call>" for each in calls)))
    )


def made_calls(session: Session) -> list[list[tuple[str, dict[str, Any]]]]:
    """Per tool turn, its calls."""
    return [
        [(made.function.name, json.loads(made.function.arguments)) for made in message.tool_calls]
        for message in session.messages
        if message.tool_calls
    ]


def results(session: Session) -> list[dict[str, Any]]:
    return [json.loads(message.content or "") for message in session.messages if message.role == "tool"]


def leaves(value: Any, schema: Any) -> Iterator[Any]:
    """The values inside an argument that no enum declares."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, item in value.items():
            yield from leaves(item, properties.get(name, {}))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, schema.get("items", {}))
    elif "enum" not in schema:
        yield value


def argument_leaves(session: Session) -> Iterator[tuple[str, str, Any]]:
    """(tool, argument, value) of every gold call."""
    world = load_world(str(session.session.world and session.session.world.name))
    for turn in made_calls(session):
        for name, given in turn:
            properties = world.tools()[name].parameters["properties"]
            for argument, value in given.items():
                for leaf in leaves(value, properties[argument]):
                    yield name, argument, leaf


@pytest.mark.parametrize(("family", "split"), PAIRS)
def test_sessions_are_valid_survive_the_file_format_and_their_gold_replies_are_right(
    family: str, split: Split
) -> None:
    for session in sessions(family, split):
        assert parse_session(dump_session(session), "line") == session
        replies = [index for index, message in enumerate(session.messages) if message.role == "assistant"]
        assert [call.at for call in session.calls] == replies
        for call in session.calls:
            text = hermes(session.messages[call.at])
            score = score_call(text, "stop", session, call, "hermes")
            assert score is not None
            assert score.args_ok, (session.id, score.detail)
            assert len(text) / 4 < call.max_tokens
        # An agent has one limit; one for every reply would tell how long it should be.
        assert len({call.max_tokens for call in session.calls}) == 1


@each_family
def test_recorded_arguments_fit_their_schemas_and_have_the_templates_style(family: str) -> None:
    for session in sessions(family):
        schemas: dict[str, Any] = {tool.function.name: tool.function.parameters for tool in session.tools}
        for message in session.messages:
            for made in message.tool_calls or ():
                given = json.loads(made.function.arguments)
                assert made.function.arguments == json.dumps(given, ensure_ascii=False)
                jsonschema.validate(
                    given, schemas[made.function.name], format_checker=jsonschema.FormatChecker(["date"])
                )
                assert given.keys() <= schemas[made.function.name]["properties"].keys()


@each_family
def test_the_same_seed_gives_the_same_bytes_whatever_the_number(family: str) -> None:
    again = [dump_session(session) for session in generate(family, n=10, seed=3, split="test")]
    assert again == [dump_session(session) for session in sessions(family)[:10]]
    other = [dump_session(session) for session in generate(family, n=10, seed=4, split="test")]
    assert not set(again) & set(other)


@each_family
def test_ids_name_family_split_and_seed_and_the_source_records_them(family: str) -> None:
    session = sessions(family)[6]
    assert session.id == f"gen/{family}/test/3/0007"
    assert session.source.ref.startswith("seed=3 split=test tasks=")
    assert session.source.gold
    world = session.session.world
    assert world is not None
    assert session.session.success == "world_state"
    assert load_world(world.name).from_state(world.initial_state).state() == world.initial_state


def test_no_two_sessions_of_a_family_are_alike() -> None:
    for family in FAMILIES:
        texts = ["|".join(hermes(m) for m in session.messages[1:]) for session in sessions(family)]
        unique = 0.7 if family == "no-call" else 0.95  # Small talk may repeat.
        assert len(set(texts)) >= unique * len(texts), family


@pytest.mark.parametrize("split", SPLITS)
def test_a_string_that_looks_like_an_identifier_was_named_before_it_is_used(split: Split) -> None:
    for family in FAMILIES:
        for session in sessions(family, split) if (family, split) in PAIRS else ():
            for call in session.calls:
                before = " ".join(message.content or "" for message in session.messages[: call.at])
                for made in session.messages[call.at].tool_calls or ():
                    ids = re.findall(
                        r"[A-Z]{1,4}-?\d{4,}|[\w.]+@[\w.]+\w|(?<=\")/[^\s\"]+", made.function.arguments
                    )
                    for found in ids:
                        named = found if found in before else found.rpartition("/")[2]
                        assert named in before, (session.id, found)


# The splits


def test_argument_values_are_disjoint_between_splits_beyond_enums_booleans_and_small_numbers() -> None:
    seen: dict[Split, dict[Any, str]] = {split: {} for split in SPLITS}
    for family, split in PAIRS:
        for session in sessions(family, split):
            for name, argument, leaf in argument_leaves(session):
                small = isinstance(leaf, bool) or (isinstance(leaf, int | float) and abs(leaf) <= 120)
                # Clock times are quarters of an hour: too few to be split where a task fixes them.
                clock_time = isinstance(leaf, str) and re.fullmatch(r"\d\d:\d\d", leaf)
                if not small and not clock_time:
                    seen[split].setdefault(leaf, f"{name}.{argument} in {session.id}")
    assert min(len(values) for values in seen.values()) > 400
    for one, two in combinations(SPLITS, 2):
        shared = {leaf: (seen[one][leaf], seen[two][leaf]) for leaf in seen[one].keys() & seen[two].keys()}
        assert not shared


def normal(text: str) -> str:
    """A phrasing without its values: fields, quotes, numbers and capitals are gone."""
    text = re.sub(r"\{\w+\}", " ", text)
    return " ".join(re.findall(r"[a-z]+", text.lower()))


def test_in_train_every_other_pool_value_has_an_invented_word_and_elsewhere_none() -> None:
    known = set(LAST_NAMES)
    for split in SPLITS:
        values = Values(random.Random(0), split)
        drawn = [values.any_of(LAST_NAMES) for _ in range(400)]
        invented = [name for name in drawn if name not in known]
        assert len(invented) / len(drawn) == pytest.approx(0.5 if split == "train" else 0, abs=0.06)
        assert len(set(invented)) == len(invented)
        assert all(re.fullmatch("[A-Z][a-z]+", name) for name in invented)
    train = Values(random.Random(0), "train")
    cities = dict(CITIES)
    codes = [(city, code) for city, code in (train.any_of(CITIES) for _ in range(40)) if city not in cities]
    assert codes
    assert all(re.fullmatch("[A-Z]{3}", code) and code not in cities.values() for _, code in codes)


def test_an_identifier_is_never_drawn_twice_in_a_session() -> None:
    for split in SPLITS:
        values = Values(random.Random(0), split)
        drawn = [values.id_("AC") for _ in range(1000)]
        assert len(set(drawn)) == len(drawn), split


def test_a_mixed_theme_has_parts_of_several_and_train_has_other_ones_than_test() -> None:
    rng = random.Random(0)
    mixed_ = [mixed(THEMES["train"], rng) for _ in range(50)]
    assert len({theme.table for theme in mixed_}) > 10
    assert all(theme not in THEMES["train"] for theme in mixed_)
    for part in ("table", "name", "group", "measure", "day", "other", "key", "label"):
        names = {split: {getattr(theme, part) for theme in THEMES[split]} for split in SPLITS}
        assert all(names[a].isdisjoint(names[b]) for a, b in combinations(SPLITS, 2)), part


def test_templates_are_disjoint_between_splits_in_every_intent() -> None:
    everything = [phrases for table in PHRASES.values() for phrases in table.values()]
    texts = {
        split: {
            normal(text) for phrases in [*everything, SYSTEM, OPENERS, CLOSERS] for text in phrases.of(split)
        }
        for split in SPLITS
    }
    for one, two in combinations(SPLITS, 2):
        assert not {text for text in texts[one] & texts[two] if len(text.split()) > 1}


def test_a_further_sentence_in_a_system_prompt_is_no_sign_of_a_rule_in_train() -> None:
    # The help-desk's agents have a rule of their own: to record answers.
    made = [s for s in generate("chain", n=200, seed=3, split="train") if "knowledge" not in s.tags]
    plain = {str(session.messages[0].content) for session in made}
    names = {tool.function.name for session in made for tool in session.tools}
    assert not any(name in prompt for prompt in plain for name in names), "a rule names its tool"
    worded = {re.sub("|".join(map(re.escape, MANNERS)), "", re.sub(r"\d", "", prompt)) for prompt in plain}
    assert len(worded) > 140, "few wordings for many agents are learnt by heart"
    told = sum(prompt.endswith(MANNERS) for prompt in plain)
    assert 0.6 < told / len(plain) < 0.9


def test_no_further_train_template_comes_near_a_held_out_one() -> None:
    def words(template: str) -> set[str]:
        return set(re.findall(r"[a-z']+", re.sub(r"\{\w+\}", " ", template.lower())))

    def near(one: set[str], two: set[str]) -> bool:
        shared = len(one & two)
        return shared >= 0.5 * len(one | two) and shared >= 0.7 * min(len(one), len(two))

    for world, intent in [(name, intent) for name in TRAIN_WORLDS for intent in more(name)]:
        phrases = PHRASES[world][intent]
        held_out = [words(text) for split in ("validation", "test") for text in phrases.of(split)]
        near_one = [t for t in more(world)[intent] if any(near(words(t), other) for other in held_out)]
        assert not near_one


def test_every_intent_has_several_train_templates_and_one_for_each_other_split() -> None:
    for world in TRAIN_WORLDS:
        for intent, phrases in PHRASES[world].items():
            assert len(phrases.train) >= 2, (world, intent)
            assert phrases.validation, (world, intent)
            assert len(phrases.test) >= 2, (world, intent)


def test_every_user_turn_comes_from_a_template_of_its_split() -> None:
    used: dict[str, set[str]] = {split: set() for split in SPLITS}
    for family, split in PAIRS:
        for session in sessions(family, split):
            labels = (session.model_extra or {})["x_templates"]
            users = sum(message.role == "user" for message in session.messages)
            assert len(labels) >= users
            assert all(f"/{split}/" in label for label in labels)
            used[split] |= set(labels)
    assert not used["train"] & used["test"]
    assert not used["train"] & used["validation"]
    assert not used["validation"] & used["test"]


def test_user_turns_of_different_splits_are_never_the_same_phrase() -> None:
    """Over whole sessions: user turns with every value masked that a split draws."""
    masked: dict[Split, set[str]] = {split: set() for split in SPLITS}
    for family, split in PAIRS:
        for session in sessions(family, split):
            for message in session.messages:
                if message.role == "user":
                    text = re.sub(r"\S*[\d@/_]\S*|\b[A-Z]\w*", " ", message.content or "")
                    words = normal(text)
                    if len(words.split()) > 4:
                        masked[split].add(words)
    for one, two in combinations(SPLITS, 2):
        assert not masked[one] & masked[two]


def test_held_out_worlds_appear_in_novel_tools_only() -> None:
    for family, split in PAIRS:
        for session in sessions(family, split):
            world = session.session.world
            assert world is not None
            assert (world.name in NOVEL_WORLDS) == (family == "novel-tools")
            own = {name for each in NOVEL_WORLDS for name in load_world(each).tools()}
            names = {tool.function.name for tool in session.tools}
            assert names <= own if family == "novel-tools" else not names & own


# Sessions that share an agent


WANTED = {"chain": 24, "no-call": 24, "sql": 12, "rag": 12, "dialogue": 24, "catalog-16": 16}


@cache
def shared() -> tuple[Session, ...]:
    return tuple(generate_shared(WANTED, share=4, seed=3, split="train"))


def test_sessions_in_a_row_share_system_prompt_and_catalog() -> None:
    groups = [list(group) for _, group in groupby(shared(), lambda s: (s.messages[0].content, s.tools))]
    assert max(map(len, groups)) == 4
    assert len(groups) <= 0.6 * len(shared())
    for group in groups:
        assert len({session.tags[0] for session in group}) == 1
    assert len({session.tags[1] for group in groups if len(group) == 4 for session in group}) > 3


def test_shared_sessions_are_as_many_as_wanted_and_as_good_as_others() -> None:
    counts = Counter(session.tags[1] for session in shared())
    assert counts == WANTED
    assert len({session.id for session in shared()}) == len(shared())
    for session in shared():
        called = {name for turn in made_calls(session) for name, _ in turn}
        visible = [tool.function.name for tool in session.tools]
        assert called <= set(visible)
        assert len(visible) == len(set(visible))
        assert session.tags[1] != "catalog-16" or len(visible) == 16
        assert all("/train/" in label for label in (session.model_extra or {})["x_templates"])


def test_sharing_changes_agents_and_dates_and_not_what_is_asked() -> None:
    """Where only requests that suit a catalog were drawn, those that need many tools would be rare."""
    wanted = {"chain": 30, "no-call": 30, "dialogue": 30}
    one, four = (
        {
            (session.tags[1], session.id.rpartition("/")[2]): (session.model_extra or {})["x_templates"]
            for session in generate_shared(wanted, share=share, seed=3, split="train")
        }
        for share in (1, 4)
    )
    assert one == four


def test_shared_sessions_are_the_same_for_the_same_seed() -> None:
    assert shared.__wrapped__() == shared()
    other = generate_shared({"chain": 12}, share=4, seed=4, split="train")
    assert [session.messages for session in other] != [session.messages for session in shared()[:12]]


def test_a_refused_request_is_never_put_to_an_agent_with_a_tool_for_it() -> None:
    for session in generate_shared({"no-call": 60, "chain": 60}, share=6, seed=5, split="train"):
        asked = (session.model_extra or {})["x_templates"][0].partition(".")[0]
        if session.tags[1] == "no-call" and asked in TRAIN_WORLDS and asked != session.tags[0]:
            own = set(load_world(session.tags[0]).tools())
            assert {tool.function.name for tool in session.tools} <= own


def test_an_agent_with_a_forbidden_tool_refuses_what_needs_it_and_calls_others() -> None:
    wanted = {"no-call": 150, "chain": 60, "retry": 60, "ambiguous": 60}
    sessions = generate_shared(wanted, share=8, seed=5, split="train")
    both = 0
    for _, group in groupby(sessions, lambda s: s.messages[0].content):
        refused, called = set[str](), set[str]()
        for session in group:
            said = session.messages[session.calls[-1].at].content or ""
            if match := re.match(r"Sorry, .* cannot do that \w+: (\w+) must not be used", said):
                refused.add(match[1])
                assert match[1] in session.messages[0].content  # the rule that the refusal goes by
                assert match[1] in [tool.function.name for tool in session.tools]
            called |= {name for turn in made_calls(session) for name, _ in turn}
        assert len(refused) <= 1
        assert not refused & called
        both += bool(refused and called)
    assert both >= 8


def test_shared_sessions_of_an_unknown_family_or_split_are_refused() -> None:
    with pytest.raises(UserError, match="chain"):
        generate_shared({"chian": 1}, share=2, seed=1)
    with pytest.raises(UserError, match="held out"):
        generate_shared({"novel-tools": 1}, share=2, seed=1, split="train")


# The families


def test_chains_take_3_to_8_calls_and_results_feed_later_calls() -> None:
    for session in sessions("chain"):
        assert 3 <= len(session.calls) <= 8
    fed = 0
    for session in sessions("chain"):
        said = " ".join(m.content or "" for m in session.messages if m.role in {"system", "user"})
        told = " ".join(m.content or "" for m in session.messages if m.role == "tool")
        fed += any(str(leaf) in told and str(leaf) not in said for _, _, leaf in argument_leaves(session))
    assert fed >= 0.6 * N


def test_parallel_sessions_make_several_calls_in_one_turn() -> None:
    assert all(max(map(len, made_calls(session))) >= 2 for session in sessions("parallel"))


def test_a_retry_has_a_failed_result_and_another_call_after_it() -> None:
    for session in sessions("retry"):
        turns, told = made_calls(session), results(session)
        failed = next(place for place, result in enumerate(told) if "error" in result)
        assert failed < len(told) - 1
        flat = [call for turn in turns for call in turn]
        assert flat[failed] != flat[failed + 1]
        assert "error" not in told[-1]


def test_failures_happen_in_retries_only_unless_sessions_are_made_of_several_requests() -> None:
    for family in ("chain", "parallel", "extraction", "ambiguous", "rag"):
        assert not any("error" in result for session in sessions(family) for result in results(session))


def test_no_call_sessions_end_in_a_user_turn_that_is_answered_in_words() -> None:
    found = sessions("no-call")
    for session in found:
        assert session.messages[-2].role == "user"
        assert session.calls[-1].expect.kind == "no_call"
        assert session.tools
    assert sum(len(session.calls) == 1 for session in found) >= N / 3


def test_refusals_begin_with_one_word_and_questions_back_with_another() -> None:
    """Greedy decoding takes the likeliest token, and of several beginnings each would have to beat a call."""
    refusals = [
        text
        for session in sessions("no-call", n=200)
        if re.search("cannot|outside of", text := session.messages[-1].content or "")
    ]
    assert len(refusals) > 50
    assert {text.split()[0] for text in refusals} == {"Sorry,"}
    questions = [
        text
        for session in sessions("ambiguous", n=200)
        if (text := session.messages[session.calls[0].at].content or "").endswith("?")
    ]
    assert len(questions) > 50
    assert {text.split()[0] for text in questions} <= {"Which", "There"}  # "There are two: ... Which one?"


def test_refuse_sessions_are_one_request_that_is_refused_for_its_world_or_a_rule() -> None:
    found = sessions("refuse", n=100)
    ruled = 0
    for session in found:
        (call,) = session.calls
        text = session.messages[call.at].content or ""
        assert text.startswith("Sorry, ")
        assert call.expect.kind == "no_call"
        asked = (session.model_extra or {})["x_templates"][0].partition(".")[0]
        if rule := re.search(r": (\w+) must not be used", text):
            assert asked == session.tags[0]
            assert rule[1] in (session.messages[0].content or "")
            ruled += 1
        else:
            assert asked != session.tags[0]
    assert 0.3 * len(found) <= ruled <= 0.7 * len(found)


def test_a_tool_that_is_out_of_order_is_not_called_and_others_are() -> None:
    refused = called = 0
    for session in sessions("no-call", n=200):
        system = (session.messages[0].content or "").replace("Record every answer with submit_answer", "")
        for tool in session.tools:
            if re.search(rf"\b{tool.function.name}\b", system):
                assert all(tool.function.name != name for turn in made_calls(session) for name, _ in turn)
                refused += not made_calls(session)
        called += bool(made_calls(session)) and any(word in system for word in ("not be used", "forbidden"))
    assert refused > 10
    assert called > 3


def test_an_extraction_is_one_structured_call_from_a_document() -> None:
    for session in sessions("extraction"):
        assert [len(turn) for turn in made_calls(session)] == [1]
        assert "\n" in (session.messages[1].content or "")
    nested = [
        isinstance(value, dict | list)
        for session in sessions("extraction")
        for turn in made_calls(session)
        for _, given in turn
        for value in given.values()
    ]
    assert any(nested)


def test_rag_answers_cite_a_passage_that_was_read() -> None:
    for session in sessions("rag"):
        read = [
            given["passage_id"]
            for turn in made_calls(session)
            for name, given in turn
            if name == "read_passage"
        ]
        assert read
        last = session.messages[-1].content or ""
        assert any(passage in last for passage in read) or "do not say" in last


def test_sql_sessions_query_or_measure_a_table() -> None:
    names = {name for session in sessions("sql") for turn in made_calls(session) for name, _ in turn}
    assert {"describe_table", "run_query"} <= names
    joins = [
        given["sql"]
        for session in sessions("sql", n=120)
        for turn in made_calls(session)
        for name, given in turn
        if name == "run_query"
    ]
    for part in (" JOIN ", "GROUP BY", "ORDER BY", "AVG(", "COUNT(*)", "WHERE"):
        assert any(part in sql for sql in joins)


def test_dialogues_have_several_user_turns() -> None:
    for session in sessions("dialogue"):
        assert sum(message.role == "user" for message in session.messages) >= 2
        assert 4 <= len(session.calls) <= 8


def test_ambiguous_requests_are_asked_about_or_have_a_confusable_tool_beside_them() -> None:
    asked = 0
    for session in sessions("ambiguous"):
        first = session.messages[session.calls[0].at].content or ""
        asked += first.endswith("?")
        assert len(session.tools) >= 4
    assert N / 5 < asked < N


def test_catalogs_have_exactly_their_size_and_ask_the_same() -> None:
    for index in range(10):
        by_size = [sessions(f"catalog-{size}")[index] for size in CATALOG_SIZES]
        names = [{tool.function.name for tool in session.tools} for session in by_size]
        assert [len(each) for each in names] == list(CATALOG_SIZES)
        assert all(small < large for small, large in pairwise(names))
        assert all(session.messages == by_size[0].messages for session in by_size)
        assert all(session.calls == by_size[0].calls for session in by_size)


def test_every_world_has_tasks_of_its_own_and_all_of_them_are_used() -> None:
    done = {
        (session.tags[0], task)
        for family in FAMILIES
        for session in sessions(family, n=N * (4 if family in {"dialogue", "novel-tools"} else 1))
        if "tasks=" in session.source.ref
        for task in session.source.ref.partition("tasks=")[2].split(",")
    }
    known = {(world, task.name) for world, module in TASKS.items() for task in module.TASKS}
    assert len(known) > 100
    assert len(known & done) >= 0.9 * len(known)


def test_tasks_make_no_more_calls_than_they_declare() -> None:
    most = {task.name: task.calls for module in TASKS.values() for task in module.TASKS}
    for family in ("chain", "parallel", "retry", "extraction", "ambiguous", "sql", "rag"):
        for session in sessions(family):
            names = session.source.ref.partition("tasks=")[2].split(",")
            assert len(session.calls) <= sum(most[name] for name in names)


@each_family
def test_prompts_stay_small_enough_for_a_laptop(family: str) -> None:
    large = family.startswith("catalog-") and int(family.rpartition("-")[2]) > 8
    for session in sessions(family) if not large else ():
        first = session.calls[0]
        assert len(json.dumps([session.catalog(first), session.history(first)])) < 1000 * 4.5
        assert family == "catalog-4" or 4 <= len(session.tools) <= 9


def test_unknown_families_splits_and_held_out_training_are_refused() -> None:
    with pytest.raises(UserError, match="Did you mean 'chain'"):
        generate("chains", n=1, seed=1)
    with pytest.raises(UserError, match="one of train, validation, test"):
        generate("chain", n=1, seed=1, split="dev")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="held out"):
        generate("novel-tools", n=1, seed=1, split="train")

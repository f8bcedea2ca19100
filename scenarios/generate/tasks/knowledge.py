"""Requests to a help desk that answers from documents."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import TOPICS, words
from lab.scenarios.generate.script import Loose, Script, Task
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import listed
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.knowledge import COLLECTIONS

MODELS = words(
    """Albatross Antelope Avocet Badger Barracuda Bittern Bobcat Buzzard Caracal Chamois Cheetah Cicada
    Condor Cormorant Cougar Coyote Crane Curlew Dingo Dormouse Dragonfly Egret Eland Falcon Fennec
    Finch Firefly Flamingo Gannet Gazelle Gecko Gibbon Goshawk Grebe Hamster Hedgehog Heron Hornet
    Ibis Iguana Impala Jackal Jackdaw Kestrel Kingfisher Kiwi Koala Lapwing Lemming Leopard Linnet
    Lynx Macaw Magpie Manatee Marmot Marten Meerkat Merlin Mongoose Narwhal Newt Nightjar Nuthatch
    Ocelot Okapi Oriole Osprey Otter Panther Partridge Pelican Petrel Pipit Plover Porcupine Puffin
    Quail Raccoon Raven Redstart Robin Salamander Sandpiper Serval Shrike Siskin Skua Sparrow
    Starling Stoat Stork Swift Tapir Tern Toucan Turtle Viper Vole Walrus Warbler Weasel Wombat Wren
    Zebra"""
)
THINGS = (
    "boiler",
    "camera",
    "drill",
    "freezer",
    "mixer",
    "monitor",
    "pump",
    "router",
    "scanner",
    "heater",
    "printer",
)
# Property -> how the passage says it, unit, highest value.
PROPERTIES = {
    "warranty": ("The warranty of the {} is {}", "months", 96),
    "weight": ("Without packaging the {} weighs {}", "kg", 240),
    "filter interval": ("Change the filter of the {} every {} (filter interval)", "days", 400),
    "noise level": ("The noise level of the {} is {}", "dB", 90),
    "operating temperature": ("The operating temperature of the {} is at most {}", "degrees", 120),
    "power": ("The {} has a power of {}", "watts", 3000),
    "tank size": ("The tank size of the {} is {}", "litres", 400),
    "cable length": ("The cable length of the {} is {}", "cm", 900),
    "return period": ("The return period for the {} is {}", "days", 100),
    "warm-up time": ("The warm-up time of the {} is {}", "seconds", 600),
    "delivery time": ("The delivery time of the {} is {}", "days", 90),
    "service fee": ("The service fee for the {} is {}", "EUR", 400),
}
TERMS = words(
    """backflow bleeding bypass calibration cavitation chattering commutation condensing creep crimping
    deburring degassing descaling dithering drift duty_cycle failover flashing fluting galling
    ghosting handshake hysteresis idling jitter kickback knurling latency limescale lockout
    mirroring offset overshoot packet_loss peening pitting priming purging ripple runout scaling
    seizing shimming slack spooling stall surge throttling torque tracking_error vignetting wear_in
    whine zeroing"""
)
MEANINGS = ("when {} runs unevenly", "a setting of {}", "the loss of pressure in {}", "the first start of {}")


ASPECTS = words(
    """height width depth range reach span volume capacity payload output intake reserve storage runtime
    lifetime downtime interval
    rental price deposit surcharge discount allowance stock load limit quota yield lead_time
    hose_length blade_width beam_height tray_depth shelf_life spare_parts base_area flow_rate battery_life"""
)
RECORD = "Record every answer with submit_answer before you give it."


def base(_: Values) -> JSON:
    """A handbook without passages."""
    tables = ("passages", "answers", "gaps", "corrections", "bookmarks", "ratings", "terms", "articles")
    return {table: {} for table in tables}


def _product(s: Script) -> str:
    return f"{s.v.pick(MODELS)} {s.v.choice((20, 40, 60, 100, 300, 500))} {s.v.choice(THINGS)}"


def _amount(s: Script, prop: str) -> str:
    _, unit, high = PROPERTIES[prop]
    return f"{s.v.number(8, high)} {unit}"


def _sentence(product: str, prop: str, amount: str) -> str:
    return f"{PROPERTIES[prop][0].format(product, amount)}."


def _passage(
    s: Script, product: str, prop: str, document: str | None = None, title: str | None = None
) -> tuple[str, str]:
    """A passage about two properties of a product, the second one a decoy; its id and the value of `prop`."""
    v = s.v
    decoy = v.choice([each for each in PROPERTIES if each != prop])
    sentences, value = [], ""
    for each in (prop, decoy):
        amount = _amount(s, each)
        value = value or amount
        sentences.append(_sentence(product, each, amount))
    if v.chance(0.5):
        sentences.reverse()
    passage = v.id_("P-")
    s.state["passages"][passage] = {
        "document": document or v.id_("D-"),
        "title": title or product,
        "collection": v.choice(COLLECTIONS),
        "text": " ".join(sentences),
    }
    return passage, value


def _query(product: str, prop: str) -> Loose:
    name = product.split()[0]
    return Loose(f"{product} {prop}", {"regex": rf"(?is)(?=.*\b{name}\b)(?=.*{prop.split()[-1]}).*"})


def _noise(s: Script, product: str) -> None:
    for _ in range(2):
        _passage(s, product.replace(product.split()[0], s.v.pick(MODELS)), s.v.choice(tuple(PROPERTIES)))


def _submit(s: Script, answer: str, *passages: str) -> None:
    exact = Loose(answer, {"any_of": [answer], "cmp": "string_norm"})
    s.call("submit_answer", answer=exact, citations=list(passages))


def fact(s: Script) -> Iterator[None]:
    product, prop = _product(s), s.v.choice(tuple(PROPERTIES))
    passage, value = _passage(s, product, prop)
    _noise(s, product)
    s.policy = RECORD
    yield
    s.ask("fact", prop=prop, product=product)
    s.call("search_passages", query=_query(product, prop))
    s.call("read_passage", passage_id=passage)
    _submit(s, value, passage)
    s.say(f"The {prop} of the {product} is {value} [{passage}].", value, passage, passage_number=passage)


def both(s: Script) -> Iterator[None]:
    prop, products = s.v.choice(tuple(PROPERTIES)), [_product(s) for _ in range(2)]
    made = [_passage(s, product, prop) for product in products]
    yield
    s.ask("both", prop=prop, first=products[0], second=products[1])
    s.together(*(("search_passages", {"query": _query(product, prop)}) for product in products))
    s.together(*(("read_passage", {"passage_id": passage}) for passage, _ in made))
    told = [
        f"{product}: {value} [{passage}]" for product, (passage, value) in zip(products, made, strict=True)
    ]
    s.say(f"{'; '.join(told)}.", *(value for _, value in made), *(passage for passage, _ in made))


def absent(s: Script) -> Iterator[None]:
    product, (prop, other), collection = (
        _product(s),
        s.v.some(tuple(PROPERTIES), 2, 2),
        s.v.choice(COLLECTIONS),
    )
    passage, _ = _passage(s, product, other)
    text = _sentence(product, other, _amount(s, other))
    s.state["passages"][passage]["text"] = text
    yield
    s.ask("absent", prop=prop, product=product, collection=collection)
    s.call("search_passages", query=_query(product, prop))
    s.call("read_passage", passage_id=passage)
    name = product.split()[0]
    question = Loose(
        f"{prop} of the {product}", {"regex": rf"(?is)(?=.*\b{name}\b)(?=.*{prop.split()[-1]}).*"}
    )
    made = s.call("report_gap", question=question, collection=collection)
    s.say(
        f"The documents do not say. I reported the gap: {made['gap_id']}.", "not", gap_number=made["gap_id"]
    )


def wrong(s: Script) -> Iterator[None]:
    product, prop = _product(s), s.v.choice(tuple(PROPERTIES))
    passage, old = _passage(s, product, prop)
    new = _amount(s, prop)
    yield
    s.ask("wrong", passage=passage, prop=prop, new=new)
    s.call("read_passage", passage_id=passage)
    made = s.call("suggest_correction", passage_id=passage, wrong=old, right=new)
    s.say(
        f"I suggested {new} in place of {old}: {made['correction_id']}.",
        made["correction_id"],
        correction_number=made["correction_id"],
    )


def outline(s: Script) -> Iterator[None]:
    collection, passages, topic = s.v.choice(COLLECTIONS), [], ""
    for _ in range(2):
        topic, document = s.v.pick(TOPICS), s.v.id_("D-")
        passages = [_passage(s, _product(s), "weight", document, topic)[0] for _ in range(2)]
        for passage in passages:
            s.state["passages"][passage]["collection"] = collection
    yield
    s.ask("outline", collection=collection, topic=topic)
    s.call("list_documents", collection=collection)
    s.call("document_outline", document_id=document)
    s.say(f"It has the passages {listed(passages)}.", *passages)


def terms(s: Script) -> Iterator[None]:
    chosen = [s.v.pick(TERMS) for _ in range(s.v.count(2, 3))]
    for term in chosen:
        s.state["terms"][term] = s.v.choice(MEANINGS).format(f"the {s.v.choice(THINGS)}")
    yield
    s.ask("terms", terms=chosen)
    exact = [Loose(term, {"any_of": [term], "cmp": "string_norm"}) for term in chosen]
    found = s.together(*(("define_term", {"term": term}) for term in exact))
    told = [f"{each['term']} is {each['meaning']}" for each in found]
    s.say(f"{'; '.join(told)}.", *(each["meaning"] for each in found))


def article(s: Script) -> Iterator[None]:
    v, title, collection = s.v, s.v.pick(TOPICS), s.v.choice(COLLECTIONS)
    owner = v.person() if v.chance(0.5) else None
    facts = [
        {"property": v.pick(ASPECTS), "value": f"{v.number(8, 900)} {unit}"}
        for unit in v.some(("cm", "kg", "litres", "watts", "EUR", "days"), 1, 3)
    ]
    layout = v.choice(("{property}: {value}", "- {property} = {value}", "{property} is {value}"))
    yield
    said = "\n".join(layout.format(**each) for each in facts)
    s.ask(
        "article", collection=collection, title=title, facts=said, owner=f"\nOwner: {owner}" if owner else ""
    )
    wish = {"owner": owner} if owner else {}
    exact = Loose(title, {"any_of": [title], "cmp": "string_norm"})
    made = s.call("add_article", title=exact, collection=collection, facts=facts, **wish)
    s.say(f"[Added|Stored] as {made['article_id']}.", made["article_id"], article_number=made["article_id"])


def mark(s: Script) -> Iterator[None]:
    (passage, _), note = _passage(s, _product(s), "weight"), s.v.pick(TOPICS)
    yield
    s.ask("mark", passage=passage, note=note)
    s.show("rate_passage", "read_passage")
    s.call("bookmark_passage", passage_id=passage, note=note)
    s.say(f"{passage} is bookmarked.", passage)


def rate(s: Script) -> Iterator[None]:
    (passage, _), stars = _passage(s, _product(s), "weight"), s.v.count(2, 5)
    yield
    s.ask("rate", passage=passage, stars=stars)
    s.show("bookmark_passage")
    s.call("rate_passage", passage_id=passage, stars=stars)
    s.say(f"{passage} has {stars} stars from you.", passage)


def vague(s: Script) -> Iterator[None]:
    product, prop = _product(s), s.v.choice(tuple(PROPERTIES))
    passage, value = _passage(s, product, prop)
    _noise(s, product)
    s.policy = RECORD
    yield
    s.ask("vague", prop=prop)
    s.show("search_passages", "read_passage")
    s.say("[Which product is it|Which product do you mean]?")
    s.ask("of", product=product)
    s.call("search_passages", query=_query(product, prop))
    s.call("read_passage", passage_id=passage)
    _submit(s, value, passage)
    s.say(f"The {prop} of the {product} is {value} [{passage}].", value, passage)


def follow_up(s: Script) -> Iterator[None]:
    product, (first, second) = _product(s), s.v.some(tuple(PROPERTIES), 2, 2)
    passage, value = _passage(s, product, first)
    other, more = _passage(s, product, second)
    for place, prop, amount in ((passage, first, value), (other, second, more)):
        s.state["passages"][place]["text"] = _sentence(product, prop, amount)
    yield
    s.ask("fact", prop=first, product=product)
    s.call("search_passages", query=_query(product, first))
    s.call("read_passage", passage_id=passage)
    s.say(f"The {first} of the {product} is {value} [{passage}].", value, passage)
    s.ask("more", prop=second)
    s.call("search_passages", query=_query(product, second))
    s.call("read_passage", passage_id=other)
    s.say(f"The {second} is {more} [{other}].", more, other)


TASKS = (
    Task(fact, ("rag", "chain"), 4),
    Task(both, ("rag",), 3),
    Task(absent, ("rag",), 4),
    Task(wrong, ("chain",), 3),
    Task(outline, ("chain",), 3),
    Task(terms, ("parallel",), 2),
    Task(article, ("extraction",), 2),
    Task(mark, ("ambiguous", "short"), 2),
    Task(rate, ("ambiguous", "short"), 2),
    Task(vague, ("ambiguous", "rag"), 5),
    Task(follow_up, ("dialogue", "rag"), 6),
)

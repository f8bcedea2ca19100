"""Requests to a shop's support desk."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import CITIES, STREETS, words
from lab.scenarios.generate.script import Script, Task, norm
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import listed, money
from lab.scenarios.worlds.base import JSON

NOUNS = words(
    """armchair backpack bathrobe bedspread blender bookshelf bracelet camera candlestick carpet clock
    coat_rack cookbook cushion desk_lamp doormat duvet easel espresso_maker fan_heater flask
    food_mixer fruit_bowl garden_hose griddle guitar_stand hammock handbag headphones iron jigsaw
    juicer kettle keyboard ladder lantern laptop_sleeve lunch_box mattress microscope mirror
    nightstand notebook office_chair oven_glove parasol pepper_mill picture_frame pillow plant_pot
    projector raincoat record_player rucksack sandals saucepan scarf shower_head sleeping_bag
    snow_boots speaker stepladder suitcase sunglasses table_cloth telescope tent toaster tool_box
    towel tripod umbrella vacuum_flask vase waffle_iron wallet watering_can whiteboard wristwatch
    yoga_mat"""
)
LOOKS = ("blue", "oak", "steel", "green", "folding", "large", "grey", "compact")
REASONS = {
    "damaged": ("it arrived damaged", "it was broken in the box"),
    "wrong_item": ("it is not what was ordered", "the wrong thing was sent"),
    "changed_mind": ("they changed their mind", "it is simply not wanted any more"),
    "late": ("it came far too late", "it was late"),
}
SUMMARIES = {
    "billing": ("charged twice for {}", "invoice missing for {}", "wrong VAT on {}"),
    "logistics": ("{} left at wrong door", "{} lost by the carrier", "{} delivered in pieces"),
    "fraud": ("{} ordered by a stranger", "unknown login before {}", "stolen card used for {}"),
}


def base(v: Values) -> JSON:
    """A shop without customers."""
    tables = ("customers", "orders", "parcels", "products", "vouchers", "returns", "refunds", "tickets")
    return {"today": v.today.isoformat()} | {table: {} for table in tables}


def _customer(s: Script) -> tuple[str, str, str]:
    name = s.v.person()
    email, customer_id = s.v.email(name), s.v.id_("C-")
    s.state["customers"][customer_id] = {"name": name, "email": email}
    return customer_id, name, email


def _product(s: Script, stock: int | None = None) -> tuple[str, str]:
    v = s.v
    name, sku = f"{v.choice(LOOKS)} {v.pick(NOUNS)}", v.id_(f"{v.choice('ABCDEFGH')}{v.choice('KLMNPQRS')}-")
    units = v.count(4, 90) if stock is None else stock
    s.state["products"][sku] = {"name": name, "price": v.amount(8, 240), "stock": units}
    return sku, name


def _order(
    s: Script, customer_id: str, status: str, *, parcel: str = "in transit", quantity: int = 1
) -> tuple[str, str]:
    v, (sku, _) = s.v, _product(s)
    order_id, tracking = v.id_("ORD-"), v.id_("PX")
    total = round(s.state["products"][sku]["price"] * quantity, 2)
    order: JSON = {
        "customer_id": customer_id,
        "status": status,
        "placed": v.date(-30, -9).isoformat(),
        "total": total,
    }
    order["lines"] = [{"sku": sku, "quantity": quantity}]
    if status in ("shipped", "delivered"):
        order["tracking_number"] = tracking
        s.state["parcels"][tracking] = {"status": parcel, "place": v.pick(CITIES)[0]}
    s.state["orders"][order_id] = order
    return order_id, sku


def where(s: Script) -> Iterator[None]:
    customer_id, _, email = _customer(s)
    order, _ = _order(
        s, customer_id, "shipped", parcel=s.v.choice(("in transit", "at customs", "in the depot"))
    )
    _order(s, customer_id, "delivered")
    yield
    s.ask("where", email=email)
    found = s.call("find_customer", email=email)
    s.call("list_orders", customer_id=found["customer_id"], status="shipped")
    details = s.call("get_order", order_id=order)
    parcel = s.call("track_parcel", tracking_number=details["tracking_number"])
    s.say(f"Order {order} is {parcel['status']} in {parcel['place']}.", parcel["place"], order_number=order)


def cancel_open(s: Script) -> Iterator[None]:
    customer_id, _, email = _customer(s)
    order, _ = _order(s, customer_id, "open")
    _order(s, customer_id, s.v.choice(("delivered", "shipped")))
    yield
    s.ask("cancel_open", email=email)
    found = s.call("find_customer", email=email)
    s.call("list_orders", customer_id=found["customer_id"], status="open")
    s.call("cancel_order", order_id=order)
    s.say(f"[Done: order|Order] {order} is cancelled.", order, cancelled_order=order)


def return_goods(s: Script) -> Iterator[None]:
    quantity, reason = s.v.count(1, 4), s.v.choice(("damaged", "wrong_item", "changed_mind"))
    order, sku = _order(s, _customer(s)[0], "delivered", quantity=quantity + s.v.count(0, 2))
    product = s.state["products"][sku]["name"]
    yield
    s.ask("return", quantity=quantity, product=product, order=order, reason=_reason(s, reason))
    s.call("get_order", order_id=order)
    made = s.call("start_return", order_id=order, lines=[{"sku": sku, "quantity": quantity}], reason=reason)
    s.say(f"Return {made['return_id']} is open. [The label is|Label:] {made['label']}.", made["return_id"])


def _reason(s: Script, reason: str) -> str:
    return s.v.choice(REASONS[reason])


def refund_lost(s: Script) -> Iterator[None]:
    lost = s.v.chance(0.7)
    order, sku = _order(s, _customer(s)[0], "shipped", parcel="lost" if lost else "in transit", quantity=2)
    amount = s.state["products"][sku]["price"]
    yield
    s.ask("refund_late", order=order, amount=amount)
    details = s.call("get_order", order_id=order)
    parcel = s.call("track_parcel", tracking_number=details["tracking_number"])
    if not lost:
        s.say(f"The parcel is not lost: it is {parcel['status']} in {parcel['place']}.", parcel["place"])
        return
    made = s.call("refund_order", order_id=order, amount=amount, reason="lost")
    s.say(
        f"The parcel is lost, so {money(amount)} [went back|was refunded] as {made['refund_id']}.",
        made["refund_id"],
    )


def buy(s: Script) -> Iterator[None]:
    _, _, email = _customer(s)
    (_, product), quantity = _product(s), s.v.count(1, 3)
    _product(s)
    shipping = s.v.choice(("standard", "express", "pickup"))
    yield
    said = {"standard": "", "express": ", express", "pickup": ", for pickup"}[shipping]
    s.ask("buy", quantity=quantity, product=product, email=email, shipping=said)
    calls = ("find_customer", {"email": email}), ("search_products", {"query": norm(product)})
    found, products = s.together(*calls)
    wish = {} if shipping == "standard" else {"shipping": shipping}
    lines = [{"sku": products["products"][0]["sku"], "quantity": quantity}]
    made = s.call("place_order", customer_id=found["customer_id"], lines=lines, **wish)
    s.say(
        f"[Ordered|Placed]: {made['order_id']}, {money(made['total'])} EUR.",
        made["order_id"],
        order_number=made["order_id"],
    )


def stock(s: Script) -> Iterator[None]:
    skus = [_product(s)[0] for _ in range(s.v.count(2, 4))]
    yield
    s.ask("stock", skus=skus)
    found = s.together(*(("check_stock", {"sku": sku}) for sku in skus))
    told = [f"{each['sku']}: {each['in_stock']}" for each in found]
    s.say(f"[In stock|Available]: {listed(told)}.", *told)


def track_many(s: Script) -> Iterator[None]:
    numbers = [s.v.id_("PX") for _ in range(s.v.count(2, 4))]
    for number in numbers:
        parcel = {
            "status": s.v.choice(("in transit", "delivered", "at customs")),
            "place": s.v.pick(CITIES)[0],
        }
        s.state["parcels"][number] = parcel
    yield
    s.ask("track_many", numbers=numbers)
    found = s.together(*(("track_parcel", {"tracking_number": number}) for number in numbers))
    told = [
        f"{number} is {each['status']} in {each['place']}"
        for number, each in zip(numbers, found, strict=True)
    ]
    s.say(f"{listed(told)}.", *(each["place"] for each in found))


def cancel_or_return(s: Script) -> Iterator[None]:
    quantity = s.v.count(1, 3)
    order, sku = _order(s, _customer(s)[0], "delivered", quantity=quantity)
    yield
    s.ask("cancel_or_return", order=order, quantity=quantity, sku=sku)
    s.refused("not_cancellable", "cancel_order", order_id=order)
    lines = [{"sku": sku, "quantity": quantity}]
    made = s.call("start_return", order_id=order, lines=lines, reason="changed_mind")
    s.say(f"It was too late to cancel, so there is a return: {made['return_id']}.", made["return_id"])


def voucher(s: Script) -> Iterator[None]:
    order, _ = _order(s, _customer(s)[0], "open")
    first, second = s.v.id_("SAVE"), s.v.id_("GIFT")
    s.state["vouchers"] |= {
        first: {"expired": True, "discount": 5},
        second: {"expired": False, "discount": s.v.count(5, 40)},
    }
    yield
    s.ask("voucher", first=first, second=second, order=order)
    s.refused("expired", "apply_voucher", order_id=order, code=first)
    made = s.call("apply_voucher", order_id=order, code=second)
    s.say(f"{first} has expired; {second} takes {made['discount']} EUR off.", second)


def mail(s: Script) -> Iterator[None]:
    _, name, email = _customer(s)
    team, priority = s.v.choice(tuple(SUMMARIES)), s.v.choice(("low", "normal", "high"))
    product = f"{s.v.choice(LOOKS)} {s.v.pick(NOUNS)}"
    summary = s.v.choice(SUMMARIES[team]).format(product)
    order = s.v.id_("ORD-") if s.v.chance(0.6) else None
    yield
    s.ask(
        "mail",
        name=name,
        email=email,
        summary=summary,
        order=f"Order: {order}\n" if order else "",
        team=team,
        priority="" if priority == "normal" else f"\nPriority: {priority}",
    )
    wish = ({"order_id": order} if order else {}) | ({} if priority == "normal" else {"priority": priority})
    customer = {"name": name, "email": email}
    made = s.call("open_ticket", customer=customer, team=team, summary=norm(summary), **wish)
    s.say(f"Ticket {made['ticket_id']} is with {team}.", made["ticket_id"], ticket_number=made["ticket_id"])


def address(s: Script) -> Iterator[None]:
    order, _ = _order(s, _customer(s)[0], "open")
    street, city = f"{s.v.count(1, 140)} {s.v.pick(STREETS)}", s.v.pick(CITIES)[0]
    postcode = str(s.v.number(10_000, 99_000))
    yield
    s.ask("address_missing", order=order)
    s.show("change_address")
    s.say("[Which address is the new one|Which address should I use] (street, postcode and city)?")
    s.ask("address", street=street, postcode=postcode, city=city)
    new = {"street": street, "postcode": postcode, "city": city}
    s.call("change_address", order_id=order, address=new)
    s.say(f"{order} now goes to {street}, {postcode} {city}.", street)


def money_only(s: Script) -> Iterator[None]:
    order, sku = _order(s, _customer(s)[0], "delivered", quantity=2)
    amount = s.state["products"][sku]["price"]
    yield
    s.ask("money_only", amount=amount, order=order)
    s.show("start_return", "refund_order", "cancel_order")
    made = s.call("refund_order", order_id=order, amount=amount, reason="late")
    s.say(
        f"{money(amount)} EUR [are refunded|go back] as {made['refund_id']}.",
        made["refund_id"],
        refund=made["refund_id"],
    )


def show_then_act(s: Script) -> Iterator[None]:
    quantity, reason = s.v.count(1, 3), s.v.choice(("damaged", "wrong_item"))
    order, sku = _order(s, _customer(s)[0], "delivered", quantity=quantity)
    amount = s.state["products"][sku]["price"]
    yield
    s.ask("show", order=order)
    details = s.call("get_order", order_id=order)
    s.say(
        f"{order} is delivered: {quantity} x {sku}, {money(details['total'])} EUR.",
        sku,
        order_total=money(details["total"]),
    )
    s.ask("then_return", sku=sku, reason=_reason(s, reason))
    made = s.call("start_return", order_id=order, lines=[{"sku": sku, "quantity": quantity}], reason=reason)
    s.say(f"Return {made['return_id']} is open.", made["return_id"])
    s.ask("then_refund", amount=amount)
    paid = s.call("refund_order", order_id=order, amount=amount, reason="late")
    s.say(f"{money(amount)} EUR refunded as {paid['refund_id']}.", paid["refund_id"])


TASKS = (
    Task(where, ("chain",), 5),
    Task(cancel_open, ("chain",), 4),
    Task(return_goods, ("chain",), 3),
    Task(refund_lost, ("chain",), 4),
    Task(buy, ("chain",), 3),
    Task(stock, ("parallel",), 2),
    Task(track_many, ("parallel",), 2),
    Task(cancel_or_return, ("retry",), 3),
    Task(voucher, ("retry",), 3),
    Task(mail, ("extraction",), 2),
    Task(address, ("ambiguous",), 3),
    Task(money_only, ("ambiguous", "short"), 2),
    Task(show_then_act, ("dialogue",), 6),
)

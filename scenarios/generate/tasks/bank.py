"""Requests to a banking assistant."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import COMPANIES, words
from lab.scenarios.generate.script import Script, Task, norm
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import listed, money
from lab.scenarios.worlds.base import JSON

KINDS = ("current", "savings", "household", "business")
ITEMS = words(
    """adapter binder boiler_service cable chair_repair cleaning clipboard coffee_beans courier_trip
    deposit desk door_lock envelope filter flyer folder fuse glass_pane hinge hosting ink_cartridge
    inspection key_copy lamp lease licence monitor mop mouse oil_change paint pallet paper
    parking_space pen pipe plant poster printer_rent pump rack recycling roof_tile rug safety_vest
    sand screw_set shelf sign soap socket stamp stapler stool subscription tape tap toner
    towel_rental training_hour tyre valve wallpaper water window_cleaning"""
)
REFERENCES = words(
    """rent_share club_fee gym_fee tax_part phone_bill school_trip repair_bill birthday_gift
    ticket_money fuel_share lunch_money deposit_back piano_lesson dog_sitter water_bill heating_bill
    garden_help taxi_share hotel_share book_order concert_seats moving_help bike_parts yoga_class"""
)

WHY = {
    "unknown": ("I do not know", "is not mine"),
    "duplicate": ("was booked twice", "is a duplicate"),
    "wrong_amount": ("has the wrong amount", "is for the wrong amount"),
}


def base(_: Values) -> JSON:
    """A bank without accounts."""
    tables = ("accounts", "payees", "cards", "transactions", "payments", "transfers", "disputes", "invoices")
    return {table: {} for table in tables}


def _account(s: Script, balance: float | None = None) -> str:
    account = s.v.id_("AC")
    amount = s.v.amount(3000, 9000) if balance is None else balance
    s.state["accounts"][account] = {"kind": s.v.choice(KINDS), "balance": amount}
    return account


def _iban(s: Script) -> str:
    return f"{s.v.choice(('DE', 'NL', 'FR', 'ES', 'AT'))}{s.v.number(10, 99)}{s.v.number(10**9, 10**10)}"


def _payee(s: Script) -> tuple[str, str]:
    payee, name = s.v.id_("PY"), s.v.pick(COMPANIES)
    s.state["payees"][payee] = {"name": name, "iban": _iban(s)}
    return payee, name


def _card(s: Script, account: str, kind: str, status: str = "active") -> str:
    card = s.v.id_("CD")
    limit = s.v.choice((500, 1000, 1500))
    s.state["cards"][card] = {"account_id": account, "kind": kind, "status": status, "daily_limit": limit}
    return card


def pay(s: Script) -> Iterator[None]:
    account, (payee, name), amount = _account(s), _payee(s), s.v.amount(15, 2500)
    reference = s.v.pick(REFERENCES) if s.v.chance(0.5) else None
    _payee(s)
    yield
    said = f', reference "{reference}"' if reference else ""
    s.ask("pay", amount=amount, payee=name, account=account, reference=said)
    s.call("find_payee", name=norm(name))
    wish = {"reference": norm(reference)} if reference else {}
    made = s.call("pay", account_id=account, payee_id=payee, amount=amount, **wish)
    s.say(
        f"[Paid|Done]: {money(amount)} EUR to {name}, {made['transfer_id']}.",
        made["transfer_id"],
        transfer_number=made["transfer_id"],
    )


def new_payee(s: Script) -> Iterator[None]:
    enough = s.v.chance(0.7)
    amount = s.v.amount(300, 2500)
    account = _account(s, None if enough else s.v.amount(20, 290))
    name, iban = s.v.pick(COMPANIES), _iban(s)
    yield
    s.ask("new_payee", payee=name, iban=iban, account=account, amount=amount)
    payee = s.call("add_payee", name=name, iban=iban)["payee_id"]
    balance = s.call("get_balance", account_id=account)["balance"]
    if not enough:
        s.say(
            f"{name} is saved, but {account} holds only {money(balance)} EUR, so I paid nothing.",
            money(balance),
        )
        return
    made = s.call("pay", account_id=account, payee_id=payee, amount=amount)
    s.say(
        f"{name} is saved and {money(amount)} EUR are paid: {made['transfer_id']}.",
        made["transfer_id"],
        payee_number=payee,
    )


def dispute(s: Script) -> Iterator[None]:
    account, reason = _account(s), s.v.choice(tuple(WHY))
    companies = [s.v.pick(COMPANIES) for _ in range(3)]
    ids = [s.v.id_("TX") for _ in companies]
    for transaction, company in zip(ids, companies, strict=True):
        entry = {"account_id": account, "date": s.v.date(-30, -1).isoformat(), "counterparty": company}
        s.state["transactions"][transaction] = entry | {"amount": s.v.amount(5, 700)}
    yield
    s.ask("dispute", company=companies[0], account=account, why=s.v.choice(WHY[reason]))
    found = s.call("list_transactions", account_id=account, counterparty=norm(companies[0]))["transactions"]
    made = s.call("dispute_transaction", transaction_id=found[0]["transaction_id"], reason=reason)
    s.say(
        f"{money(found[0]['amount'])} EUR to {companies[0]} are disputed: {made['dispute_id']}.",
        made["dispute_id"],
        dispute_number=made["dispute_id"],
    )


def stop_payment(s: Script) -> Iterator[None]:
    account, payees = _account(s), [_payee(s) for _ in range(3)]
    ids = [s.v.id_("SP") for _ in payees]
    for payment, (payee, _) in zip(ids, payees, strict=True):
        plan = {"account_id": account, "payee_id": payee, "amount": s.v.amount(10, 900)}
        s.state["payments"][payment] = plan | {"date": s.v.date().isoformat(), "repeat": "monthly"}
    place = s.v.count(0, 2)
    yield
    s.ask("stop_payment", company=payees[place][1], account=account)
    s.call("list_scheduled", account_id=account)
    s.call("cancel_payment", payment_id=ids[place])
    s.say(
        f"The payment {ids[place]} to {payees[place][1]} is cancelled.", ids[place], payment_number=ids[place]
    )


def lost_card(s: Script) -> Iterator[None]:
    account, kind, reason = (
        _account(s),
        s.v.choice(("debit", "credit")),
        s.v.choice(("lost", "stolen", "broken")),
    )
    cards = {each: _card(s, account, each) for each in ("debit", "credit")}
    yield
    s.ask("lost_card", kind=kind, account=account, reason=reason)
    s.call("list_cards", account_id=account)
    made = s.call("replace_card", card_id=cards[kind], reason=reason)
    s.say(
        f"{cards[kind]} is blocked; {made['new_card_id']} arrives in 5 days.",
        made["new_card_id"],
        new_card=made["new_card_id"],
    )


def balances(s: Script) -> Iterator[None]:
    accounts = [_account(s) for _ in range(s.v.count(2, 4))]
    yield
    s.ask("balances", accounts=accounts)
    found = s.together(*(("get_balance", {"account_id": account}) for account in accounts))
    told = [money(each["balance"]) for each in found]
    s.say(
        f"{listed([f'{account}: {amount} EUR' for account, amount in zip(accounts, told, strict=True)])}.",
        *told,
    )


def split(s: Script) -> Iterator[None]:
    source, first, second = (_account(s) for _ in range(3))
    a, b = s.v.amount(20, 900), s.v.amount(20, 900)
    yield
    s.ask("split", source=source, first=first, second=second, a=a, b=b)
    moves = [{"from_account": source, "to_account": first, "amount": a}]
    moves.append({"from_account": source, "to_account": second, "amount": b})
    s.together(*(("move_money", move) for move in moves))
    s.say(f"[Moved|Done]: {money(a)} to {first} and {money(b)} to {second}.", first, second)


def short_of(s: Script) -> Iterator[None]:
    amount, (payee, _) = s.v.amount(320, 2500), _payee(s)
    first, second = _account(s, s.v.amount(20, 300)), _account(s)
    yield
    s.ask("short_of", amount=amount, payee=payee, first=first, second=second)
    s.refused("insufficient_funds", "pay", account_id=first, payee_id=payee, amount=amount)
    made = s.call("pay", account_id=second, payee_id=payee, amount=amount)
    s.say(f"{first} had too little, so {second} paid: {made['transfer_id']}.", made["transfer_id"])


def frozen(s: Script) -> Iterator[None]:
    account, reason = _account(s), s.v.choice(("lost", "stolen", "broken"))
    card = _card(s, account, "debit", "frozen")
    yield
    s.ask("frozen", card=card, reason=reason)
    s.refused("not_active", "freeze_card", card_id=card)
    made = s.call("replace_card", card_id=card, reason=reason)
    s.say(f"{card} could not be frozen; the new card is {made['new_card_id']}.", made["new_card_id"])


def invoice(s: Script) -> Iterator[None]:
    v, company, iban, due = s.v, s.v.pick(COMPANIES), _iban(s), s.v.date()
    number = v.id_(v.choice(("INV-", "R-", "BILL")))
    lines: list[JSON] = [
        {"item": v.pick(ITEMS), "quantity": v.count(1, 40), "price": v.amount(2, 400)}
        for _ in range(v.count(1, 3))
    ]
    yield
    said = "\n".join(f"{line['quantity']} x {line['item']} at {money(line['price'])}" for line in lines)
    s.ask("invoice", company=company, iban=iban, number=number, due=due, lines=said)
    supplier = {"name": company, "iban": iban}
    made = s.call("enter_invoice", supplier=supplier, number=number, due=due.isoformat(), lines=lines)
    s.say(f"[Entered|Recorded] as {made['invoice_id']}.", made["invoice_id"], entry_number=made["invoice_id"])


def pay_details(s: Script) -> Iterator[None]:
    account, (payee, name), amount = _account(s), _payee(s), s.v.amount(15, 2500)
    yield
    s.ask("pay_missing", payee=name)
    s.show("find_payee", "pay")
    s.say("[Which amount|Which sum], and from which account?")
    s.ask("pay_details", amount=amount, account=account)
    s.call("find_payee", name=norm(name))
    made = s.call("pay", account_id=account, payee_id=payee, amount=amount)
    s.say(f"[Paid|Done]: {money(amount)} EUR to {name}, {made['transfer_id']}.", made["transfer_id"])


def between(s: Script) -> Iterator[None]:
    source, target, amount = _account(s), _account(s), s.v.amount(20, 2000)
    yield
    s.ask("between", source=source, target=target, amount=amount)
    s.show("pay", "schedule_payment", "move_money")
    s.call("move_money", from_account=source, to_account=target, amount=amount)
    s.say(f"{money(amount)} EUR moved to {target}.", target)


def later(s: Script) -> Iterator[None]:
    account, (payee, _), amount, on = _account(s), _payee(s), s.v.amount(20, 2000), s.v.date()
    repeat = s.v.choice(("once", "weekly", "monthly"))
    yield
    said = {"once": "", "weekly": " and weekly from then on", "monthly": " and monthly after that"}[repeat]
    s.ask("later", payee=payee, amount=amount, account=account, date=on, repeat=said)
    s.show("pay", "move_money", "schedule_payment")
    wish = {} if repeat == "once" else {"repeat": repeat}
    plan = {"account_id": account, "payee_id": payee, "amount": amount, "date": on.isoformat()}
    made = s.call("schedule_payment", **plan, **wish)
    s.say(
        f"[Scheduled|Planned] as {made['payment_id']}.", made["payment_id"], payment_number=made["payment_id"]
    )


def limit(s: Script) -> Iterator[None]:
    card, amount = _card(s, _account(s), "credit"), s.v.number(100, 5000)
    yield
    s.ask("limit", card=card, limit=amount)
    s.call("set_card_limit", card_id=card, daily_limit=amount)
    s.say(f"{card} may spend {amount} EUR a day.", amount)


def cards(s: Script) -> Iterator[None]:
    account, amount = _account(s), s.v.number(100, 5000)
    ids = {kind: _card(s, account, kind) for kind in ("debit", "credit")}
    kinds = s.v.some(("debit", "credit"), 2, 2)
    yield
    s.ask("cards", account=account)
    s.show("replace_card")
    s.call("list_cards", account_id=account)
    s.say(f"A debit card {ids['debit']} and a credit card {ids['credit']}.")
    s.ask("freeze_it", kind=kinds[0])
    s.call("freeze_card", card_id=ids[kinds[0]])
    s.say(f"{ids[kinds[0]]} is frozen.", ids[kinds[0]])
    s.ask("limit_it", kind=kinds[1], limit=amount)
    s.call("set_card_limit", card_id=ids[kinds[1]], daily_limit=amount)
    s.say(f"{ids[kinds[1]]} may spend {amount} EUR a day.", amount)


TASKS = (
    Task(pay, ("chain",), 3),
    Task(new_payee, ("chain",), 4),
    Task(dispute, ("chain",), 3),
    Task(stop_payment, ("chain",), 3),
    Task(lost_card, ("chain",), 3),
    Task(balances, ("parallel",), 2),
    Task(split, ("parallel",), 2),
    Task(short_of, ("retry",), 3),
    Task(frozen, ("retry",), 3),
    Task(invoice, ("extraction",), 2),
    Task(pay_details, ("ambiguous",), 4),
    Task(between, ("ambiguous", "short"), 2),
    Task(later, ("ambiguous", "short"), 2),
    Task(limit, ("short",), 2),
    Task(cards, ("dialogue",), 6),
)

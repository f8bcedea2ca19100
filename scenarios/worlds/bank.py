"""A retail bank: accounts, payees, payments, cards and disputes."""

from __future__ import annotations

from lab.scenarios.worlds.base import (
    DATE,
    JSON,
    NUMBER,
    STRING,
    Tool,
    World,
    array,
    enum,
    record,
    refuse_unless,
    text,
    whole,
)

REPEATS = ("once", "weekly", "monthly")


class Bank(World):
    """State: `accounts` (id -> kind, balance), `payees`, `cards`, `transactions`, `payments` (scheduled),
    `transfers`, `disputes`, `invoices`, by id."""

    name = "bank"
    role = "banking assistant"

    def list_accounts(self) -> JSON:
        accounts = self._state["accounts"].items()
        return {"accounts": [{"account_id": id_, "kind": account["kind"]} for id_, account in accounts]}

    def get_balance(self, account_id: str) -> JSON:
        return {"balance": self._find("accounts", account_id, "account")["balance"]}

    def list_transactions(self, account_id: str, since: str | None, counterparty: str | None) -> JSON:
        self._find("accounts", account_id, "account")
        transactions = [
            {"transaction_id": id_} | {key: entry[key] for key in ("date", "counterparty", "amount")}
            for id_, entry in self._state["transactions"].items()
            if entry["account_id"] == account_id
            and (since is None or entry["date"] >= since)
            and (counterparty or "").casefold() in entry["counterparty"].casefold()
        ]
        return {"transactions": transactions}

    def find_payee(self, name: str) -> JSON:
        payees = [
            {"payee_id": id_, "name": payee["name"]}
            for id_, payee in self._state["payees"].items()
            if name.casefold() in payee["name"].casefold()
        ]
        return {"payees": payees}

    def add_payee(self, name: str, iban: str) -> JSON:
        refuse_unless(iban.isalnum() and 12 <= len(iban) <= 34, "invalid_iban", f"{iban!r} is no IBAN")
        payee_id = self._new_id("PY", self._state["payees"], name, iban)
        self._state["payees"][payee_id] = {"name": name, "iban": iban}
        return {"payee_id": payee_id}

    def pay(self, account_id: str, payee_id: str, amount: float, reference: str | None) -> JSON:
        account = self._find("accounts", account_id, "account")
        self._find("payees", payee_id, "payee")
        self._take(account, amount)
        payment = {"account_id": account_id, "payee_id": payee_id, "amount": amount}
        return self._book("TX", payment | ({"reference": reference} if reference else {}))

    def move_money(self, from_account: str, to_account: str, amount: float) -> JSON:
        source = self._find("accounts", from_account, "account")
        target = self._find("accounts", to_account, "account")
        refuse_unless(from_account != to_account, "same_account", "both accounts are the same")
        self._take(source, amount)
        target["balance"] = round(target["balance"] + amount, 2)
        return self._book("TX", {"from": from_account, "to": to_account, "amount": amount})

    def schedule_payment(self, account_id: str, payee_id: str, amount: float, date: str, repeat: str) -> JSON:
        self._find("accounts", account_id, "account")
        self._find("payees", payee_id, "payee")
        payment = {"account_id": account_id, "payee_id": payee_id, "amount": amount}
        payment |= {"date": date, "repeat": repeat}
        payment_id = self._new_id("SP", self._state["payments"], payment)
        self._state["payments"][payment_id] = payment
        return {"payment_id": payment_id}

    def list_scheduled(self, account_id: str) -> JSON:
        self._find("accounts", account_id, "account")
        payments = [
            {"payment_id": id_, "payee": self._state["payees"][payment["payee_id"]]["name"]}
            | {key: payment[key] for key in ("amount", "date")}
            for id_, payment in self._state["payments"].items()
            if payment["account_id"] == account_id
        ]
        return {"payments": payments}

    def cancel_payment(self, payment_id: str) -> JSON:
        self._find("payments", payment_id, "scheduled payment")
        del self._state["payments"][payment_id]
        return {"cancelled": payment_id}

    def list_cards(self, account_id: str) -> JSON:
        cards = [
            {"card_id": id_} | {key: card[key] for key in ("kind", "status", "daily_limit")}
            for id_, card in self._state["cards"].items()
            if card["account_id"] == account_id
        ]
        return {"cards": cards}

    def freeze_card(self, card_id: str) -> JSON:
        card = self._find("cards", card_id, "card")
        refuse_unless(card["status"] == "active", "not_active", f"{card_id} is {card['status']}")
        card["status"] = "frozen"
        return {"card_id": card_id, "status": "frozen"}

    def replace_card(self, card_id: str, reason: str) -> JSON:
        card = self._find("cards", card_id, "card")
        refuse_unless(card["status"] != "blocked", "not_active", f"{card_id} is blocked")
        new_id = self._new_id("CD", self._state["cards"], card_id, reason)
        card["status"] = "blocked"
        self._state["cards"][new_id] = card | {"status": "ordered", "reason": reason}
        return {"new_card_id": new_id, "arrives_in_days": 5}

    def set_card_limit(self, card_id: str, daily_limit: int) -> JSON:
        card = self._find("cards", card_id, "card")
        card["daily_limit"] = daily_limit
        return {"card_id": card_id, "daily_limit": daily_limit}

    def dispute_transaction(self, transaction_id: str, reason: str) -> JSON:
        self._find("transactions", transaction_id, "transaction")
        dispute = {"transaction_id": transaction_id, "reason": reason}
        dispute_id = self._new_id("DP", self._state["disputes"], dispute)
        self._state["disputes"][dispute_id] = dispute
        return {"dispute_id": dispute_id}

    def enter_invoice(self, supplier: JSON, number: str, due: str, lines: list[JSON]) -> JSON:
        invoice = {"supplier": supplier, "number": number, "due": due, "lines": lines}
        invoice_id = self._new_id("IV", self._state["invoices"], invoice)
        self._state["invoices"][invoice_id] = invoice
        return {"invoice_id": invoice_id, "lines": len(lines)}

    def _take(self, account: JSON, amount: float) -> None:
        refuse_unless(amount > 0, "invalid_amount", "the amount must be positive")
        have = account["balance"]
        refuse_unless(amount <= have, "insufficient_funds", f"the balance is {have}")
        account["balance"] = round(have - amount, 2)

    def _book(self, prefix: str, transfer: JSON) -> JSON:
        transfer_id = self._new_id(prefix, self._state["transfers"], transfer)
        self._state["transfers"][transfer_id] = transfer
        return {"transfer_id": transfer_id, "status": "done"}

    TOOLS = (
        Tool(list_accounts, "List the customer's accounts."),
        Tool(get_balance, "Balance of an account in EUR.", {"account_id": STRING}),
        Tool(
            list_transactions,
            "List an account's past transactions.",
            {"account_id": STRING},
            {"since": DATE, "counterparty": STRING},
        ),
        Tool(find_payee, "Find a saved payee by name.", {"name": STRING}),
        Tool(add_payee, "Save a new payee.", {"name": STRING, "iban": STRING}),
        Tool(
            pay,
            "Pay a saved payee now.",
            {"account_id": STRING, "payee_id": STRING, "amount": NUMBER},
            {"reference": text("text on the statement")},
        ),
        Tool(
            move_money,
            "Move money between the customer's own accounts.",
            {"from_account": STRING, "to_account": STRING, "amount": NUMBER},
        ),
        Tool(
            schedule_payment,
            "Pay a saved payee on a later date.",
            {"account_id": STRING, "payee_id": STRING, "amount": NUMBER, "date": DATE},
            {"repeat": enum(*REPEATS, default="once")},
        ),
        Tool(list_scheduled, "List an account's scheduled payments.", {"account_id": STRING}),
        Tool(cancel_payment, "Cancel a scheduled payment.", {"payment_id": STRING}),
        Tool(list_cards, "List the cards of an account.", {"account_id": STRING}),
        Tool(freeze_card, "Freeze a card for a while; it can be used again later.", {"card_id": STRING}),
        Tool(
            replace_card,
            "Block a card for good and order a new one.",
            {"card_id": STRING, "reason": enum("lost", "stolen", "broken")},
        ),
        Tool(
            set_card_limit,
            "Set how much a card may spend a day.",
            {"card_id": STRING, "daily_limit": whole(0, 20_000)},
        ),
        Tool(
            dispute_transaction,
            "Dispute a transaction.",
            {"transaction_id": STRING, "reason": enum("unknown", "duplicate", "wrong_amount")},
        ),
        Tool(
            enter_invoice,
            "Enter a supplier's invoice.",
            {
                "supplier": record({"name": STRING, "iban": STRING}),
                "number": STRING,
                "due": DATE,
                "lines": array(record({"item": STRING, "quantity": whole(1, 999), "price": NUMBER})),
            },
        ),
    )

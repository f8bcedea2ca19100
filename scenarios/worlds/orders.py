"""A shop's support desk: customers, orders, parcels, stock, refunds and returns."""

from __future__ import annotations

from lab.scenarios.worlds.base import (
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

REASONS = ("damaged", "late", "lost", "wrong_item", "changed_mind")
SHIPPING = ("standard", "express", "pickup")
LINE = record({"sku": STRING, "quantity": whole(1, 99)})


class Orders(World):
    """State: `today`, and by id `customers`, `orders`, `parcels`, `products`, `vouchers`, `returns`,
    `refunds`, `tickets`."""

    name = "orders"
    role = "support agent of an online shop"

    def find_customer(self, email: str) -> JSON:
        for id_, customer in self._state["customers"].items():
            if customer["email"] == email:
                return {"customer_id": id_, "name": customer["name"]}
        return {"customer_id": None}

    def list_orders(self, customer_id: str, status: str | None) -> JSON:
        self._find("customers", customer_id, "customer")
        orders = [
            {"order_id": id_} | {key: order[key] for key in ("status", "placed", "total")}
            for id_, order in self._state["orders"].items()
            if order["customer_id"] == customer_id and status in (None, order["status"])
        ]
        return {"orders": orders}

    def get_order(self, order_id: str) -> JSON:
        order = self._find("orders", order_id, "order")
        keys = ("status", "lines", "total", "tracking_number")
        return {key: order[key] for key in keys if key in order}

    def track_parcel(self, tracking_number: str) -> JSON:
        parcel: JSON = self._find("parcels", tracking_number, "parcel")
        return dict(parcel)

    def check_stock(self, sku: str) -> JSON:
        product = self._find("products", sku, "product")
        return {"sku": sku, "in_stock": product["stock"]}

    def search_products(self, query: str, max_price: float | None) -> JSON:
        words = query.casefold().split()
        products = [
            {"sku": sku, "name": product["name"], "price": product["price"]}
            for sku, product in self._state["products"].items()
            if all(word in product["name"].casefold() for word in words)
            and (max_price is None or product["price"] <= max_price)
        ]
        return {"products": products}

    def place_order(self, customer_id: str, lines: list[JSON], shipping: str) -> JSON:
        self._find("customers", customer_id, "customer")
        total = 0.0
        for line in lines:
            product = self._find("products", line["sku"], "product")
            short = f"only {product['stock']} of {line['sku']} left"
            refuse_unless(product["stock"] >= line["quantity"], "out_of_stock", short)
            total += product["price"] * line["quantity"]
        for line in lines:
            self._state["products"][line["sku"]]["stock"] -= line["quantity"]
        order = {"customer_id": customer_id, "lines": lines, "shipping": shipping, "total": round(total, 2)}
        order_id = self._new_id("ORD-", self._state["orders"], order)
        self._state["orders"][order_id] = order | {"status": "open", "placed": self._state["today"]}
        return {"order_id": order_id, "total": round(total, 2)}

    def cancel_order(self, order_id: str) -> JSON:
        order = self._find("orders", order_id, "order")
        refuse_unless(order["status"] == "open", "not_cancellable", f"{order_id} is {order['status']}")
        order["status"] = "cancelled"
        return {"order_id": order_id, "status": "cancelled"}

    def start_return(self, order_id: str, lines: list[JSON], reason: str) -> JSON:
        order = self._find("orders", order_id, "order")
        refuse_unless(order["status"] == "delivered", "not_delivered", f"{order_id} is {order['status']}")
        bought = {line["sku"]: line["quantity"] for line in order["lines"]}
        for line in lines:
            message = f"{line['quantity']} of {line['sku']} are not in {order_id}"
            refuse_unless(bought.get(line["sku"], 0) >= line["quantity"], "not_in_order", message)
        back = {"order_id": order_id, "lines": lines, "reason": reason}
        return_id = self._new_id("RET-", self._state["returns"], back)
        self._state["returns"][return_id] = back
        return {"return_id": return_id, "label": f"{return_id}.pdf"}

    def refund_order(self, order_id: str, amount: float, reason: str) -> JSON:
        order = self._find("orders", order_id, "order")
        refuse_unless(0 < amount <= order["total"], "amount_too_high", f"{order_id} cost {order['total']}")
        refund = {"order_id": order_id, "amount": amount, "reason": reason}
        refund_id = self._new_id("RF-", self._state["refunds"], refund)
        self._state["refunds"][refund_id] = refund
        return {"refund_id": refund_id, "amount": amount}

    def change_address(self, order_id: str, address: JSON) -> JSON:
        order = self._find("orders", order_id, "order")
        refuse_unless(order["status"] == "open", "already_shipped", f"{order_id} is {order['status']}")
        order["address"] = address
        return {"order_id": order_id, "status": "address changed"}

    def apply_voucher(self, order_id: str, code: str) -> JSON:
        order = self._find("orders", order_id, "order")
        voucher = self._find("vouchers", code, "voucher")
        refuse_unless(not voucher["expired"], "expired", f"{code} has expired")
        order["voucher"] = code
        return {"order_id": order_id, "discount": voucher["discount"]}

    def open_ticket(
        self, customer: JSON, order_id: str | None, team: str, priority: str, summary: str
    ) -> JSON:
        ticket = {"customer": customer, "team": team, "priority": priority, "summary": summary}
        if order_id is not None:
            ticket["order_id"] = order_id
        ticket_id = self._new_id("TCK-", self._state["tickets"], ticket)
        self._state["tickets"][ticket_id] = ticket
        return {"ticket_id": ticket_id}

    TOOLS = (
        Tool(find_customer, "Find a customer by email address.", {"email": STRING}),
        Tool(
            list_orders,
            "List a customer's orders.",
            {"customer_id": STRING},
            {"status": enum("open", "shipped", "delivered", "cancelled")},
        ),
        Tool(get_order, "Show one order with its lines and tracking number.", {"order_id": STRING}),
        Tool(track_parcel, "Show where a parcel is.", {"tracking_number": STRING}),
        Tool(
            search_products, "Search the shop's products by name.", {"query": STRING}, {"max_price": NUMBER}
        ),
        Tool(check_stock, "How many pieces of a product are in stock.", {"sku": STRING}),
        Tool(
            place_order,
            "Place a new order.",
            {"customer_id": STRING, "lines": array(LINE)},
            {"shipping": enum(*SHIPPING, default="standard")},
        ),
        Tool(cancel_order, "Cancel an order that has not been shipped.", {"order_id": STRING}),
        Tool(
            start_return,
            "Send back items of a delivered order.",
            {"order_id": STRING, "lines": array(LINE), "reason": enum(*REASONS)},
        ),
        Tool(
            refund_order,
            "Pay money back without a return.",
            {"order_id": STRING, "amount": NUMBER, "reason": enum(*REASONS)},
        ),
        Tool(
            change_address,
            "Change where an open order is delivered.",
            {"order_id": STRING, "address": record({"street": STRING, "postcode": STRING, "city": STRING})},
        ),
        Tool(apply_voucher, "Apply a voucher code to an order.", {"order_id": STRING, "code": STRING}),
        Tool(
            open_ticket,
            "Hand a case to a team of colleagues.",
            {
                "customer": record({"name": STRING, "email": STRING}),
                "team": enum("billing", "logistics", "fraud"),
                "summary": text("the subject line"),
            },
            {"order_id": STRING, "priority": enum("low", "normal", "high", default="normal")},
        ),
    )

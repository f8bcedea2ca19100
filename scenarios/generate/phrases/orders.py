"""What users say to the orders assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "where": Phrases(
        train=(
            "[Where is|Can you find] the latest parcel of {email}? It is the [shipped order|order that "
            "has been shipped].",
            "The customer {email} asks where the shipped order is. [Please track it.|Track the parcel.]",
            "[Track|Find] the shipped order of {email}.",
        ),
        validation=("{email} is waiting for a shipped order. Find out where the parcel is.",),
        test=(
            "A customer writes from {email}: my order was shipped, but where is it now?",
            "Locate the parcel with the shipped order for the account {email}.",
        ),
    ),
    "cancel_open": Phrases(
        train=(
            "[Please cancel|Cancel] the open order of {email}.",
            "{email} wants the open order cancelled.",
            "Find the order of {email} that is still open and cancel it.",
        ),
        validation=("Customer {email} has one open order. It is to be cancelled.",),
        test=(
            "Stop the order that {email} has open.",
            "The person behind {email} does not want the open order any more; call it off.",
        ),
    ),
    "return": Phrases(
        train=(
            "Send back {quantity} {product} from order {order}: {reason}.",
            "[Start|Open] a return for order {order}: {quantity} {product}, because {reason}.",
            "The customer returns {quantity} {product} of order {order}. Reason: {reason}.",
        ),
        validation=("Order {order}, {quantity} {product}: please prepare a return, {reason}.",),
        test=(
            "I need a return label for {quantity} {product}. It is order {order} and {reason}.",
            "{quantity} {product} out of {order} should go back to us since {reason}.",
        ),
    ),
    "refund_late": Phrases(
        train=(
            "Check order {order}. If its parcel is [lost|lost in transit], refund {amount}.",
            "[Look at|See] order {order} and track its parcel; if it is lost, pay back {amount}.",
        ),
        validation=("Follow the parcel of {order}. Lost? Then {amount} goes back to the customer.",),
        test=(
            "What happened to the parcel of order {order}? In case it got lost, the customer gets "
            "{amount} back.",
            "Please trace {order}; should the parcel be lost, give back {amount}.",
        ),
    ),
    "buy": Phrases(
        train=(
            "[Order|Place an order for] {quantity} {product} for {email}{shipping}.",
            "{email} wants to buy {quantity} {product}{shipping}. [Please place the order.|]",
            "Find the customer {email} and the product {product}, then order {quantity}{shipping}.",
        ),
        validation=("New order for the account {email}: {quantity} {product}{shipping}.",),
        test=(
            "Put through a purchase of {quantity} {product} on behalf of {email}{shipping}.",
            "The customer with the address {email} would like {quantity} {product}{shipping}.",
        ),
    ),
    "stock": Phrases(
        train=(
            "[How many|What number] of {skus} do we have?",
            "Check the stock of {skus}.",
            "Are {skus} in stock?",
        ),
        validation=("Stock levels for {skus}, please.",),
        test=("Tell me what is left of {skus}.", "Do we still have {skus} in the warehouse?"),
    ),
    "track_many": Phrases(
        train=(
            "Track {numbers}.",
            "[Where are|What is the state of] the parcels {numbers}?",
            "Give me an update on {numbers}.",
        ),
        validation=("Please look up the parcels {numbers}.",),
        test=("I am looking for parcels {numbers}.", "How far did {numbers} get?"),
    ),
    "cancel_or_return": Phrases(
        train=(
            "Cancel order {order}. If that is [too late|no longer possible], start a return of {quantity} "
            "{sku} "
            "([reason: |]changed mind).",
            "The customer changed their mind about {order}: cancel it, or else return {quantity} {sku}.",
        ),
        validation=(
            "{order} should be cancelled; failing that, {quantity} {sku} come back because of a change of "
            "mind.",
        ),
        test=(
            "Please try to cancel {order}. When it cannot be cancelled, open a return for {quantity} "
            "{sku}, as the "
            "customer changed their mind.",
            "A change of mind: {order} is not wanted. Cancel, otherwise take back {quantity} {sku}.",
        ),
    ),
    "voucher": Phrases(
        train=(
            "Apply voucher {first} to order {order}. [If it has expired|Should it be expired], use {second}.",
            "Use {first} on {order}, or {second} if {first} has expired.",
        ),
        validation=("Order {order}: voucher {first}, and {second} as a spare.",),
        test=(
            "The customer has codes {first} and {second} for {order}. Try them in that order.",
            "Redeem {first} for {order}; in case it is no longer valid, redeem {second}.",
        ),
    ),
    "mail": Phrases(
        train=(
            "Open a ticket from this mail:\nFrom: {name} <{email}>\nSubject: {summary}\n{order}Team: "
            "{team}{priority}",
            "Please hand this over to {team}.\n{name} ({email}) writes: {summary}.\n{order}{priority}",
            "Make a ticket.\nCustomer: {name}, {email}\nProblem: {summary}\n{order}For: {team}{priority}",
        ),
        validation=(
            'Mail for {team}\n{order}Sender {name}, {email}\n"{summary}"{priority}\nCreate a ticket.',
        ),
        test=(
            "Forward the case below to the {team} team as a ticket.\n{summary}\n-- {name}, "
            "{email}\n{order}{priority}",
            "New complaint\nWho: {name}\nReply to: {email}\nWhat: {summary}\n{order}Responsible: "
            "{team}{priority}",
        ),
    ),
    "address_missing": Phrases(
        train=(
            "[Change|Please change] the delivery address of order {order}.",
            "Order {order} should go to another address.",
        ),
        validation=("The address on {order} is wrong.",),
        test=("Please deliver {order} somewhere else.", "I moved, so {order} needs a new address."),
    ),
    "address": Phrases(
        train=(
            "[It is|The new address is] {street}, {postcode} {city}.",
            "To {street} in {postcode} {city}[, please|].",
        ),
        validation=("Send it to {street}, {city}, postcode {postcode}.",),
        test=("Use {street}, {postcode}, {city}.", "My new home: {street}, {postcode} {city}."),
    ),
    "money_only": Phrases(
        train=(
            "Give the customer {amount} back for {order}: [it came late|it was late]. They keep the goods.",
            "Refund {amount} of order {order} because it was late; nothing is sent back.",
        ),
        validation=("{order} was late: compensate {amount}, without a return.",),
        test=(
            "As {order} arrived late, {amount} should be paid back. The items stay with the customer.",
            "No return needed: just {amount} back on {order}, which was late.",
        ),
    ),
    "show": Phrases(
        train=("What is in order {order}?", "[Show|Open] order {order}.", "Tell me about order {order}."),
        validation=("Details of {order}?",),
        test=("I need to see {order}.", "Please pull up {order}."),
    ),
    "then_return": Phrases(
        train=("[Return|Send back] the {sku}: {reason}.", "The {sku} should go back, {reason}."),
        validation=("{reason}, so {sku} goes back.",),
        test=("I want to give back {sku} because {reason}.", "Please take {sku} back, {reason}."),
    ),
    "then_refund": Phrases(
        train=(
            "And refund {amount} [of it|on top] for the delay, as it was late.",
            "Also pay back {amount}: it was late.",
        ),
        validation=("On top, {amount} back because it was late.",),
        test=(
            "It was late too, so add a refund of {amount}.",
            "For being late, let them have {amount} as well.",
        ),
    ),
}

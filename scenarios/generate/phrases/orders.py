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
            "What is the delivery status of the order we shipped to {email}?",
            "I have {email} on the phone about an order that is already shipped. Which place has the parcel "
            "reached?",
            "Could you look up the customer {email} and see how far the shipped order has travelled?",
            "Among the orders of {email} there is a shipped one. I would like to know its current location.",
            "{email} has not received anything yet, although the order is shipped. Check the tracking.",
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
            "Could you cancel whatever order is still open for {email}?",
            "Look up {email}; there should be one open order, and I would like it cancelled.",
            "We got a message from {email} asking us to drop the order that is open. Please do that.",
            "Is there still an open order for {email}? Then remove it, it is no longer needed.",
            "Please withdraw the order placed by {email}, the one that is open and not sent yet.",
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
            "Could you set up a return? The order is {order}, the article {product}, the number of pieces "
            "{quantity}, and the explanation is that {reason}.",
            "From order {order} the customer wants to return {quantity} {product}, as {reason}.",
            "There is a problem with order {order}: {reason}. Register {quantity} {product} for return.",
            "Please arrange for {quantity} {product} to be sent back. The order number is {order}, and we "
            "were told that {reason}.",
            "A buyer would like to give back {quantity} {product} bought with {order}. Why? Because "
            "{reason}.",
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
            "Is the parcel of order {order} lost? If the tracking says so, issue a refund of {amount}.",
            "The buyer of {order} never got anything. Look into the shipment, and when it counts as lost, "
            "reimburse {amount}.",
            "Only if the shipment of {order} has been lost do we refund {amount}, so check the tracking "
            "first.",
            "I would like you to open order {order}, see where the package is, and return {amount} to the "
            "customer if it is lost.",
            "Find out whether the package from {order} has gone missing; in that event send {amount} back "
            "to the buyer.",
            "A refund of {amount} is due on order {order}, but only provided that the delivery turns out to "
            "be lost. Can you verify it?",
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
            "Could you create an order for {email}? They want {quantity} {product}{shipping}.",
            "I am on the phone with {email}, who is asking for {quantity} {product}{shipping}. Please enter "
            "the order.",
            "{quantity} {product}{shipping}: please sell that to our customer {email}.",
            "Customer: {email}\nItem: {product}\nHow many: {quantity}{shipping}\nPlease place this order.",
            "We should send {email} {quantity} {product}{shipping}. Set up the order.",
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
            "What are the current quantities of {skus}?",
            "I need the inventory figures for {skus}.",
            "Can customers still buy {skus}, or have we run out?",
            "Look up {skus} and say how many pieces of each are available.",
            "Before I promise anything: is there enough of {skus}?",
        ),
        validation=("Stock levels for {skus}, please.",),
        test=("Tell me what is left of {skus}.", "Do we still have {skus} in the warehouse?"),
    ),
    "track_many": Phrases(
        train=(
            "Track {numbers}.",
            "[Where are|What is the state of] the parcels {numbers}?",
            "Give me an update on {numbers}.",
            "Can you check where {numbers} are right now?",
            "I would like the delivery status of each of these shipments: {numbers}.",
            "Have {numbers} been delivered yet?",
            "Several customers are waiting: see what the tracking says about {numbers}.",
            "Find the current location of packages {numbers}.",
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
            "Is it still possible to cancel {order}? If not, {quantity} {sku} should be sent back, reason: "
            "changed mind.",
            "Someone changed their mind about {order}. Attempt a cancellation first, and if it is refused, "
            "register {quantity} {sku} as a return.",
            "The buyer had second thoughts and changed their mind, so I would like order {order} cancelled "
            "or, where that fails, {quantity} {sku} returned.",
            "Please stop order {order} because the customer has changed their mind; in case it has already "
            "gone out, set up a return for {quantity} {sku} instead.",
            "Customer changed their mind. Order: {order}. Plan A: cancel. Plan B: a return with {quantity} "
            "{sku}.",
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
            "Please put the code {first} on order {order}. If the system says it is out of date, enter "
            "{second}.",
            "Order {order} should get a discount: start with voucher {first}, and fall back on {second} if "
            "the first is expired.",
            "Does {first} still work? Add it to {order}; if not, add {second} instead.",
            "The customer of {order} would like to use {first}. When that code has run out, {second} may "
            "take its place.",
            "I want a voucher on {order}, preferably {first}, otherwise {second}.",
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
            "A message came in from {name} ({email}).\nIt says: {summary}\n{order}Please register a ticket "
            "for {team}.{priority}",
            "Could you create a support ticket for the {team} department?\n{order}Name: {name}\nEmail: "
            "{email}\nIssue: {summary}{priority}",
            "Incoming mail\nSubject: {summary}\nSender: {name} <{email}>\n{order}This is one for {team}, "
            "please log a ticket.{priority}",
            "{name} has contacted us about the following: {summary}.\nContact: {email}\n{order}Pass it to "
            "{team} by opening a ticket.{priority}",
            "Ticket needed\nTopic: {summary}\nTeam in charge: {team}\n{order}Reported by {name}, "
            "{email}{priority}",
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
            "Can you still change where {order} gets delivered?",
            "I would like a different delivery address for {order}.",
            "There is a mistake in the shipping details of order {order}, please correct where it goes.",
            "Could order {order} be sent to a new place?",
            "Please update the address for {order}.",
            "The customer of {order} will not be at home and wants it shipped to another address.",
        ),
        validation=("The address on {order} is wrong.",),
        test=("Please deliver {order} somewhere else.", "I moved, so {order} needs a new address."),
    ),
    "address": Phrases(
        train=(
            "[It is|The new address is] {street}, {postcode} {city}.",
            "To {street} in {postcode} {city}[, please|].",
            "Please ship it to this address: {street}, {postcode} {city}.",
            "Street: {street}. Postcode: {postcode}. City: {city}.",
            "The parcel should arrive in {city}, postcode {postcode}, at {street}.",
            "{postcode} {city}, {street}.",
            "They live at {street} in {city} now, and the postcode is {postcode}.",
        ),
        validation=("Send it to {street}, {city}, postcode {postcode}.",),
        test=("Use {street}, {postcode}, {city}.", "My new home: {street}, {postcode} {city}."),
    ),
    "money_only": Phrases(
        train=(
            "Give the customer {amount} back for {order}: [it came late|it was late]. They keep the goods.",
            "Refund {amount} of order {order} because it was late; nothing is sent back.",
            "The delivery of {order} was late, so please refund {amount}. The customer does not have to "
            "return anything.",
            "Can you pay {amount} back for {order}? It arrived late, and the goods are not coming back.",
            "Order {order} came late. I want to make up for it with {amount}, and they may keep what they "
            "bought.",
            "Because of the late delivery, reimburse {amount} on {order} and let them hold on to the goods.",
            "A partial refund, please: {amount} for order {order}. Reason: late. The customer keeps "
            "everything.",
        ),
        validation=("{order} was late: compensate {amount}, without a return.",),
        test=(
            "As {order} arrived late, {amount} should be paid back. The items stay with the customer.",
            "No return needed: just {amount} back on {order}, which was late.",
        ),
    ),
    "show": Phrases(
        train=(
            "What is in order {order}?",
            "[Show|Open] order {order}.",
            "Tell me about order {order}.",
            "Which items does order {order} contain?",
            "Look up {order} for me.",
            "I have a question about {order}, can you look at it first?",
            "Could you give me an overview of {order}?",
            "Find order {order} and list what was bought.",
        ),
        validation=("Details of {order}?",),
        test=("I need to see {order}.", "Please pull up {order}."),
    ),
    "then_return": Phrases(
        train=(
            "[Return|Send back] the {sku}: {reason}.",
            "The {sku} should go back, {reason}.",
            "Please open a return for {sku}, as {reason}.",
            "Can you arrange a return of the {sku}? The reason is that {reason}.",
            "The customer wants to return {sku} since {reason}.",
            "They are not keeping the {sku}: {reason}. Start a return.",
            "Let us have {sku} returned; {reason}.",
            "As {reason}, the customer is sending back the {sku}.",
        ),
        validation=("{reason}, so {sku} goes back.",),
        test=("I want to give back {sku} because {reason}.", "Please take {sku} back, {reason}."),
    ),
    "then_refund": Phrases(
        train=(
            "And refund {amount} [of it|on top] for the delay, as it was late.",
            "Also pay back {amount}: it was late.",
            "Could you refund {amount} as well? The delivery was late.",
            "In addition, the customer gets {amount} refunded for late delivery.",
            "Then there is the late arrival: they should receive {amount} for it.",
            "Now compensate the customer with {amount}, since the parcel was late.",
            "The order was late as well. Return {amount} of the price to the customer.",
            "One more refund, please: {amount}, reason late.",
        ),
        validation=("On top, {amount} back because it was late.",),
        test=(
            "It was late too, so add a refund of {amount}.",
            "For being late, let them have {amount} as well.",
        ),
    ),
}

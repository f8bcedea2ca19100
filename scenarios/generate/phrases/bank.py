"""What users say to the bank assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "pay": Phrases(
        train=(
            "[Pay|Send] {amount} to {payee} from account {account}{reference}.",
            "{payee} gets {amount} from {account}{reference}. [Please pay it now.|]",
            "From my account {account}, pay {payee} {amount}{reference}.",
            "Could you wire {amount} to {payee}? Debit account {account}{reference}.",
            "{payee} is waiting for {amount}{reference}. Please take it from account {account}.",
            "I need to make a payment of {amount} euros to {payee}{reference}. The money is in {account}.",
            "Payment to {payee}: {amount} EUR, debited to {account}{reference}.",
            "Would you settle my bill with {payee}? It comes to {amount}, account {account}{reference}.",
        ),
        validation=("I owe {payee} {amount}. Settle it from {account}{reference}.",),
        test=(
            "Please transfer {amount} out of {account} to {payee}{reference}.",
            "Use account {account} to pay the {amount} I owe {payee}{reference}.",
        ),
    ),
    "new_payee": Phrases(
        train=(
            "[Add|Save] {payee} with the IBAN {iban} as a payee, check the balance of {account}, and pay "
            "them {amount} if it is "
            "enough.",
            "New payee: {payee}, {iban}. [See|Look] whether {account} has enough and pay {amount}.",
            "Could you create a payee for {payee}? Their IBAN is {iban}. After that, find out what is "
            "left on {account}, and send them {amount} provided the money is there.",
            "I have never paid {payee} before. Put them on my payee list under {iban}, look at the "
            "balance of account {account}, then transfer {amount} as long as it is covered.",
            "Set up {iban} as the IBAN of {payee} among my payees. I owe them {amount}; pay that from "
            "{account}, but only after checking that the balance allows it.",
            "Pay {amount} from {account} to {payee}, who is not on my list yet: save the IBAN {iban} "
            "first, and make sure that the balance is high enough before you pay.",
            "Company {payee}, IBAN {iban}: make it a payee of mine. Query the balance of account "
            "{account}; with at least {amount} on it, send them that sum.",
        ),
        validation=(
            "{payee} is new ({iban}). Save it, verify that the balance of {account} suffices and send "
            "{amount}.",
        ),
        test=(
            "I have to pay somebody new, {payee}, IBAN {iban}. Enter them, see what is on {account}, and "
            "if possible pay {amount}.",
            "Please register {payee} ({iban}); then check how much {account} holds and pay {amount} from "
            "it if it covers that.",
        ),
    ),
    "dispute": Phrases(
        train=(
            "There is a charge by {company} on {account} that {why}. [Find|Look up] it and dispute it.",
            "Dispute the {company} transaction on account {account}: it {why}.",
            "Can you challenge a payment on {account}? It went to {company} and is one that {why}.",
            "I found a {company} transaction that {why} on my account {account}. File a dispute for it.",
            "Something is wrong on {account}: {company} shows up with an entry that {why}. Please report "
            "it as disputed.",
            "Check the transactions of {account} for the one by {company} that {why}, and open a dispute "
            "over it.",
            "On account {account} there is a posting from {company} which {why}. I object to it.",
        ),
        validation=("{company} took money from {account}, and it {why}. Raise a dispute.",),
        test=(
            "Look through {account} for {company}. That booking {why}, so contest it.",
            "I want to complain about what {company} debited on {account}. It {why}.",
        ),
    ),
    "stop_payment": Phrases(
        train=(
            "Cancel my scheduled payment to {company} on account {account}.",
            "[Look up|Find] the scheduled payment to {company} on {account} and cancel it.",
            "Could you call off the upcoming payment to {company} from {account}?",
            "My contract with {company} has ended, so delete the payment scheduled for it on {account}.",
            "Go through the scheduled payments of {account} and remove the one for {company}.",
            "I have a standing order for {company} on account {account}. Please end it.",
            "Do not pay {company} from {account} as arranged; I want that payment cancelled.",
            "Please withdraw the pending payment on {account} that is meant for {company}.",
        ),
        validation=("{account}: nothing more should be paid to {company}. Take out the scheduled payment.",),
        test=(
            "I no longer want the planned payment from {account} to {company}.",
            "Stop what is scheduled for {company} on {account}.",
        ),
    ),
    "lost_card": Phrases(
        train=(
            "My {kind} card of account {account} was {reason}. Find it and [order a new one|replace it].",
            "Please replace the {kind} card on {account}: it is {reason}.",
            "I need a replacement for a {reason} {kind} card. It belongs to account {account}.",
            "Can I get a new {kind} card for {account}? The old one is {reason}.",
            "Check which cards {account} has and replace the {kind} one, because it is {reason}.",
            "I have to report a {reason} card, namely the {kind} card of {account}. Send me a substitute.",
            "Please issue a fresh {kind} card on account {account}, as mine is {reason}.",
            "Since my {kind} card is {reason}, I cannot pay with it any more. Look at the cards of "
            "{account} and order a replacement.",
        ),
        validation=("{account}, {kind} card: {reason}. I need another one for good.",),
        test=(
            "The {kind} card that goes with {account} is {reason}; get me a new one.",
            "Somehow my {kind} card is {reason}. Account {account}. Have it replaced.",
        ),
    ),
    "balances": Phrases(
        train=(
            "[What are the balances of|How much is on] {accounts}?",
            "Show me the balances of {accounts}.",
            "Balance of {accounts}?",
            "What do I have left on {accounts}?",
            "Check {accounts} and give me the balance of each.",
            "I need the current figures for {accounts}.",
            "Could you look up the funds on {accounts}?",
            "Let me see how my money stands on {accounts}.",
        ),
        validation=("How much money is there in {accounts}?",),
        test=("Tell me what {accounts} hold.", "I would like to know the state of {accounts}."),
    ),
    "split": Phrases(
        train=(
            "Move {a} from {source} to {first} and {b} from {source} to {second}.",
            "[Shift|Move] money from {source}: {a} to {first}, {b} to {second}.",
            "Could you distribute money from {source}? {a} goes to my account {first} and {b} to my "
            "account {second}.",
            "Two transfers from {source}, please: {a} into {first} and {b} into {second}.",
            "I want to divide some of {source} between my own accounts: {first} receives {a}, {second} "
            "receives {b}.",
            "Transfer {a} from my account {source} to my account {first}, and another {b} to {second}.",
            "My account {first} needs {a}, and {second} needs {b}. Take both sums from {source}.",
            "Top up {first} with {a} and {second} with {b}, using the money on {source}.",
        ),
        validation=("{source} gives {a} to {first} and {b} to {second}; all are my accounts.",),
        test=(
            "Put {a} on {first} and {b} on {second}, both out of {source}.",
            "Out of {source}, {first} should get {a} and {second} {b}.",
        ),
    ),
    "short_of": Phrases(
        train=(
            "Pay {amount} to payee {payee} from {first}. If there is not enough money, use {second}.",
            "[Send|Pay] payee {payee} {amount}, from {first} if possible, otherwise from {second}.",
            "Could you send {amount} to {payee}? Use account {first}; only if its balance is too low, use "
            "{second}.",
            "{payee} should receive {amount}. I would like to pay from {first}, but {second} will do when "
            "{first} cannot cover it.",
            "Payment of {amount} to payee {payee}: debit {first}, and in the event of insufficient funds "
            "debit {second}.",
            "Attempt to pay {payee} {amount} from account {first}. Should that be rejected for lack of "
            "money, repeat it with {second}.",
            "I owe payee {payee} {amount}. My first choice is {first}; my second choice, should the first "
            "run dry, is {second}.",
        ),
        validation=("{payee} is owed {amount}: {first} pays, or {second} if that is short.",),
        test=(
            "Take {amount} for payee {payee} out of {first}; when the funds do not suffice, out of {second}.",
            "Try {first} for a payment of {amount} to {payee}, and fall back on {second}.",
        ),
    ),
    "frozen": Phrases(
        train=(
            "Freeze card {card}. If it cannot be frozen, replace it as {reason}.",
            "Please freeze {card}, or, if that fails, order a replacement because it is {reason}.",
            "Can you lock card {card}? Should that not work, I need a new one, as it is {reason}.",
            "My card {card} is {reason}. Try to freeze it; when that is refused, order a replacement.",
            "Block {card} right away. If blocking is not possible, send me a substitute and give {reason} "
            "as the reason.",
            "I would like a freeze on {card}; if the system does not allow it, exchange the card because "
            "it is {reason}.",
            "First attempt to freeze {card}. Only if this is rejected, have another card issued for the "
            "{reason} one.",
            "Suspend the {reason} card {card}, or get it replaced if it cannot be suspended.",
        ),
        validation=("{card} should be frozen; failing that, replaced ({reason}).",),
        test=(
            "Put {card} on ice. In case this does not work, get a new card for it, reason {reason}.",
            "I want {card} frozen. When impossible, have it replaced, since it is {reason}.",
        ),
    ),
    "invoice": Phrases(
        train=(
            "Enter this invoice:\n{company}, IBAN {iban}\nInvoice {number}, due {due}\n{lines}",
            "Please record the invoice.\nSupplier: {company}\nNumber: {number}\nDue: "
            "{due}\n{lines}\nIBAN: {iban}",
            "Invoice no. {number} from {company}\n{lines}\nPayable by {due} to {iban}\nBook it.",
            "Could you enter what I got from {company}?\nInvoice number: "
            "{number}\nItems:\n{lines}\nPayment due: {due}\nBank details: {iban}",
            "This bill came in the mail today:\n{company}\nBill {number}\n{lines}\nWe ask for payment by "
            "{due} into {iban}.\nAdd it to the invoices.",
            "Supplier invoice to record\nDue date {due}\nIBAN {iban}\nInvoice {number}\nSupplier "
            "{company}\n{lines}",
            "I need this in the ledger:\n{lines}\nbilled by {company} under number {number}\nIBAN {iban}, "
            "due on {due}",
            "Create an invoice entry from the following text.\nDear customer, for invoice {number} we "
            "charge:\n{lines}\nKindly transfer the total to {iban} by {due}.\n{company}",
        ),
        validation=("{company} / {iban}\nbill {number}\n{lines}\nto be paid until {due}\nPlease enter.",),
        test=(
            "Take down this bill.\nFrom: {company} ({iban})\nRef: "
            "{number}\nPositions:\n{lines}\nDeadline: {due}",
            "Scanned document\n{number}\n{lines}\n{company}\n{iban}\nPay before {due}\nPut it into the "
            "books.",
        ),
    ),
    "pay_missing": Phrases(
        train=(
            "[Pay|I want to pay] {payee}.",
            "Please send money to {payee}.",
            "Can you make a payment to {payee}?",
            "I owe {payee} some money. [Pay them, please.|Please take care of it.]",
            "{payee} is still waiting for my payment. [Please see to it.|Could you handle it?]",
            "I would like to transfer something to {payee}.",
            "Let us pay the bill from {payee}.",
        ),
        validation=("{payee} must be paid.",),
        test=("I have to settle something with {payee}.", "Time to pay {payee}."),
    ),
    "pay_details": Phrases(
        train=(
            "{amount} from {account}.",
            "[It is|Make it] {amount}, from account {account}.",
            "Take {amount} from {account}.",
            "I want to pay {amount}; debit account {account}.",
            "{account}, and {amount}.",
            "From {account}, please: {amount} euros.",
            "The bill is for {amount}. You can use my account {account}.",
            "{amount}, and the money should leave {account}.",
        ),
        validation=("Use {account}; the amount is {amount}.",),
        test=("The sum is {amount} and it comes out of {account}.", "Charge {account} with {amount}."),
    ),
    "between": Phrases(
        train=(
            "[Move|Put] {amount} from {source} to my other account {target}.",
            "Transfer {amount} from my {source} to my {target}.",
            "Could you shift {amount} over to {target}? The money is on {source}, which is also mine.",
            "My account {target} needs {amount} from my account {source}.",
            "Please rebook {amount} internally, from {source} to {target}.",
            "I would like to have {amount} less on {source} and {amount} more on {target}; I hold both "
            "accounts.",
            "Top up my own account {target} with {amount} from {source}.",
            "Send {amount} from {source} across to {target}, another account of mine.",
        ),
        validation=("{amount} should change from {source} to {target}, both mine.",),
        test=(
            "I own {source} and {target}: bring {amount} from the one to the other.",
            "Take {amount} off {source} and add it to my account {target}.",
        ),
    ),
    "later": Phrases(
        train=(
            "Pay payee {payee} {amount} from {account} on {date}{repeat}.",
            "[Schedule|Plan] {amount} from {account} to payee {payee} for {date}{repeat}.",
            "Could you plan a transfer to {payee}? {amount} EUR from {account} on {date}{repeat}.",
            "I do not want to pay {payee} today but on {date}{repeat}: {amount}, account {account}.",
            "Arrange for {account} to pay {payee} {amount} on {date}{repeat}.",
            "Program a payment for {date}{repeat}: payee {payee}, amount {amount}, account {account}.",
            "Debit {account} with {amount} in favour of payee {payee} on {date}{repeat}, not now.",
            "I would like {amount} to leave {account} for {payee} on {date}{repeat}.",
        ),
        validation=("On {date}{repeat}, {payee} should receive {amount} from {account}.",),
        test=(
            "Set up a payment of {amount} to {payee} out of {account}, due {date}{repeat}.",
            "{date} is when {payee} gets {amount} from {account}{repeat}.",
        ),
    ),
    "limit": Phrases(
        train=(
            "[Set|Change] the daily limit of card {card} to {limit}.",
            "Card {card} may spend {limit} a day.",
            "I want to cap card {card} at {limit} a day.",
            "Could you adjust {card} so that the most I can spend daily is {limit}?",
            "The daily maximum for {card} should be {limit}.",
            "Restrict card {card} to {limit} each day.",
            "Can you put a limit of {limit} per day on card {card}?",
            "From now on, {limit} is the maximum that {card} can pay in one day.",
        ),
        validation=("{limit} a day is enough for {card}.",),
        test=(
            "Let {card} spend {limit} per day, not more.",
            "Please make {limit} the new daily limit on {card}.",
        ),
    ),
    "cards": Phrases(
        train=(
            "Which cards belong to {account}?",
            "[Show|List] the cards of {account}.",
            "Which debit and credit cards are linked to {account}?",
            "Give me a list of all cards issued for account {account}.",
            "Can you see how many cards are attached to {account}, and which ones?",
            "I would like to see my cards for account {account}.",
            "Let me know the card numbers on {account}.",
            "Check account {account} for cards.",
        ),
        validation=("The cards on {account}, please.",),
        test=("What cards do I have with {account}?", "Look up the cards for {account}."),
    ),
    "freeze_it": Phrases(
        train=(
            "[Freeze|Please freeze] the {kind} card for now.",
            "Block the {kind} card for a few days; I will use it again.",
            "Could you lock the {kind} card until I need it again?",
            "Suspend the {kind} card temporarily.",
            "I would like to have the {kind} card frozen [for a while|until further notice].",
            "Nobody should be able to pay with the {kind} card [right now|for the moment].",
            "Deactivate the {kind} card until I return from my trip.",
        ),
        validation=("Put the {kind} one on hold.",),
        test=(
            "I may have left the {kind} card at home: freeze it for the time being.",
            "The {kind} card should not work this week.",
        ),
    ),
    "limit_it": Phrases(
        train=(
            "And [set|change] the limit of the {kind} card to {limit} a day.",
            "The {kind} card gets a daily limit of {limit}.",
            "Could you also cap the {kind} card at {limit} a day?",
            "Then restrict the {kind} card to {limit} per day.",
            "I want to spend at most {limit} a day with the {kind} card.",
            "For the {kind} card, make the daily maximum {limit}.",
            "Next, adjust the daily limit of the {kind} card: {limit}.",
            "The most that can be paid by {kind} card in a day should be {limit}.",
        ),
        validation=("{limit} a day for the {kind} one.",),
        test=(
            "Also allow the {kind} card {limit} each day.",
            "As to the {kind} card: {limit} per day from now on.",
        ),
    ),
}

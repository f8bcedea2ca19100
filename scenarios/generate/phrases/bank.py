"""What users say to the bank assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "pay": Phrases(
        train=(
            "[Pay|Send] {amount} to {payee} from account {account}{reference}.",
            "{payee} gets {amount} from {account}{reference}. [Please pay it now.|]",
            "From my account {account}, pay {payee} {amount}{reference}.",
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
        ),
        validation=("How much money is there in {accounts}?",),
        test=("Tell me what {accounts} hold.", "I would like to know the state of {accounts}."),
    ),
    "split": Phrases(
        train=(
            "Move {a} from {source} to {first} and {b} from {source} to {second}.",
            "[Shift|Move] money from {source}: {a} to {first}, {b} to {second}.",
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
        train=("[Pay|I want to pay] {payee}.", "Please send money to {payee}."),
        validation=("{payee} must be paid.",),
        test=("I have to settle something with {payee}.", "Time to pay {payee}."),
    ),
    "pay_details": Phrases(
        train=("{amount} from {account}.", "[It is|Make it] {amount}, from account {account}."),
        validation=("Use {account}; the amount is {amount}.",),
        test=("The sum is {amount} and it comes out of {account}.", "Charge {account} with {amount}."),
    ),
    "between": Phrases(
        train=(
            "[Move|Put] {amount} from {source} to my other account {target}.",
            "Transfer {amount} from my {source} to my {target}.",
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
        ),
        validation=("{limit} a day is enough for {card}.",),
        test=(
            "Let {card} spend {limit} per day, not more.",
            "Please make {limit} the new daily limit on {card}.",
        ),
    ),
    "cards": Phrases(
        train=("Which cards belong to {account}?", "[Show|List] the cards of {account}."),
        validation=("The cards on {account}, please.",),
        test=("What cards do I have with {account}?", "Look up the cards for {account}."),
    ),
    "freeze_it": Phrases(
        train=(
            "[Freeze|Please freeze] the {kind} card for now.",
            "Block the {kind} card for a few days; I will use it again.",
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
        ),
        validation=("{limit} a day for the {kind} one.",),
        test=(
            "Also allow the {kind} card {limit} each day.",
            "As to the {kind} card: {limit} per day from now on.",
        ),
    ),
}

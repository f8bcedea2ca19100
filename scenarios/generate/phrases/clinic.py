"""What users say to the clinic assistant: a held-out world, so all of it belongs to the test split."""

from __future__ import annotations

from lab.scenarios.generate.wording import held_out

PHRASES = {
    "visit": held_out(
        "Please reserve the first {specialty} opening from {earliest} on for {surname}, born {born}. "
        "Complaint: {complaint}.",
        "{surname}, born {born}, has a {complaint}. Find the chart, then the first {specialty} opening "
        "from {earliest}, and reserve it.",
    ),
    "refill": held_out(
        "{surname}, born {born}, needs more {drug}. Refill it at {pharmacy}.",
        "Find the chart of {surname} (born {born}), look at the medication and refill {drug} at {pharmacy}.",
    ),
    "labs": held_out(
        "Order {panels} for {surname}, born {born}{fasting}.",
        "Identify {surname}, date of birth {born}, and request the panels {panels}{fasting}.",
    ),
    "reports": held_out(
        "What are the findings of the samples {samples}?", "Read the lab reports of {samples}."
    ),
    "refer": held_out(
        "Refer chart {first} to {a} ({x}) and chart {second} to {b} ({y}).",
        "Two referrals: {first} goes to {a}, {x}; {second} goes to {b}, {y}.",
    ),
    "taken": held_out(
        "Move visit {visit} to opening {first}; if that is taken, to {second}.",
        "Visit {visit} should be shifted to {first}, or to {second} if somebody was faster.",
    ),
    "empty": held_out(
        "Refill {rx} at {pharmacy}. If no refills are left, reserve opening {opening} for chart {chart} "
        'with the complaint "{drug} refill".',
        "Try to refill {rx} at {pharmacy}; without refills left, chart {chart} gets the opening "
        '{opening}, complaint "{drug} refill".',
    ),
    "enroll": held_out(
        "New patient\nName: {given} {surname}\nBorn: {born}\nInsurance: {company}, policy "
        "{policy}{allergies}",
        "Please enroll from this form.\n{surname}, {given}\n{born}\n{company} / {policy}{allergies}",
    ),
    "contact_missing": held_out(
        "Chart {chart} has a new phone number.", "The phone number of chart {chart} changed."
    ),
    "contact": held_out("Their phone number is {phone} from now on.", "The number is {phone} now."),
    "drop": held_out(
        "Cancel visit {visit}; {by} asked for it.", "Visit {visit} will not take place, on the wish of {by}."
    ),
    "what": held_out("Which medication does chart {chart} get?", "Show the medication of chart {chart}."),
    "refill_it": held_out("Refill {drug} at {pharmacy}.", "{drug} should be refilled at {pharmacy}."),
    "refer_it": held_out(
        "And refer them to {specialty}, {urgency}.", "They also need a referral: {specialty}, {urgency}."
    ),
}

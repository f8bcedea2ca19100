"""What users say to the database assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "known": Phrases(
        train=(
            "Table {table}: {question}",
            "{question} [See|Use] the table {table}.",
            "In the table {table}, {question}",
            "{question} The table is {table}.",
        ),
        validation=("{question} You find that in table {table}.",),
        test=("Regarding the table {table}: {question}", "{question} It is all in the table {table}."),
    ),
    "unknown": Phrases(
        train=(
            "I do not know the tables. It is about {table}. {question}",
            "[First see|Look up] which tables there are. About {table}: {question}",
        ),
        validation=("Start by listing the tables; mine is the one on {table}. {question}",),
        test=(
            "The table names are unclear to me, please check them. The subject is {table}. {question}",
            "List the tables first. Then, as to {table}: {question}",
        ),
    ),
    "misspelt": Phrases(
        train=(
            "Table {wrong} (if there is none, [find|look for] the right table): {question}",
            "{question} The table is called {wrong}, I think; if not, list the tables.",
        ),
        validation=("It should be table {wrong}, otherwise check the list of tables. {question}",),
        test=(
            "Probably {wrong} is the table; if it does not exist, see which tables do. {question}",
            "{question} Look in {wrong}, or, when there is no such table, in the one from the table list "
            "that fits.",
        ),
    ),
    "count": Phrases(
        train=(
            "How many rows have {group} {value}?",
            "Count the rows where {group} is {value}.",
            "What is the number of rows with {group} = {value}?",
        ),
        validation=("Tell me the row count for {group} {value}.",),
        test=(
            "For {group} {value}, how many rows exist?",
            "I need the number of entries whose {group} is {value}.",
        ),
    ),
    "mean": Phrases(
        train=(
            "What is the average {measure} where {group} is {value}?",
            "Average {measure} for {group} {value}?",
            "Give me the mean {measure} with {group} {value}.",
        ),
        validation=("For {group} {value}, what is {measure} on average?",),
        test=(
            "On average, how large is {measure} when {group} is {value}?",
            "Compute the average of {measure} among those with {group} {value}.",
        ),
    ),
    "total": Phrases(
        train=(
            "What is the total {measure} per {group}?",
            "Sum up {measure} for each {group}.",
            "Total of {measure} by {group}?",
        ),
        validation=("Add up {measure}, separately for every {group}.",),
        test=(
            "For each {group}, what does {measure} come to in total?",
            "I want the sum of {measure}, grouped by {group}.",
        ),
    ),
    "per": Phrases(
        train=(
            "How many rows are there per {group}?",
            "Count the rows for each {group}.",
            "Number of rows by {group}?",
        ),
        validation=("Give the row count of every {group}.",),
        test=("For each {group}, how many rows do we have?", "I want row counts, grouped by {group}."),
    ),
    "top": Phrases(
        train=(
            "Which {many} {name} values have the highest {measure}?",
            "List the {name} of the {many} rows with the largest {measure}.",
            "Top {many} {name} by {measure}?",
        ),
        validation=("Name the {many} leading {name} entries in terms of {measure}.",),
        test=(
            "Sorted by {measure}, which {many} {name} entries come first?",
            "I need the {many} {name} with most {measure}.",
        ),
    ),
    "above": Phrases(
        train=(
            "Which {name} have {measure} above {bound}?",
            "List every {name} where {measure} is more than {bound}.",
            "Show {name} with {measure} over {bound}.",
        ),
        validation=("Every {name} whose {measure} exceeds {bound}, please.",),
        test=(
            "Who or what ({name}) has a {measure} greater than {bound}?",
            "Give me all {name} for which {measure} is larger than {bound}.",
        ),
    ),
    "since": Phrases(
        train=(
            "How many rows have {day} on or after {date}?",
            "Count the rows with {day} from {date} on.",
            "How many rows since {date}, by {day}?",
        ),
        validation=("Number of rows where {day} is not before {date}?",),
        test=(
            "Starting with {date}, how many rows are there going by {day}?",
            "Tell me how many rows have a {day} that is {date} or later.",
        ),
    ),
    "join": Phrases(
        train=(
            "Which {name} belong to the {label} {value}? [Also look at|You need] the table {other}.",
            "List the {name} whose {label} is {value}; that is in the table {other}.",
        ),
        validation=("Combine it with {other}: which {name} go with {label} {value}?",),
        test=(
            "With {other} taken into account, which {name} have the {label} {value}?",
            "Find all {name} linked to {label} {value}, which is stored in {other}.",
        ),
    ),
    "two": Phrases(
        train=("What columns do {tables} have?", "[Describe|Explain] the tables {tables}."),
        validation=("The structure of {tables}, please.",),
        test=("How are {tables} built up?", "Let me see the columns of {tables}."),
    ),
    "stats": Phrases(
        train=(
            "[Give me|Show] minimum and maximum of {measure} and the different values of {group} in table "
            "{table}.",
            "Table {table}: range of {measure}, and which values of {group} occur?",
        ),
        validation=("For {table}: statistics of {measure}, distinct {group}.",),
        test=(
            "In {table}, what values does {group} take and between which bounds lies {measure}?",
            "I need the spread of {measure} and all values of {group} from {table}.",
        ),
    ),
    "insert": Phrases(
        train=(
            "Add this row to {table}:\n{values}",
            "New entry for {table}.\n{values}\nPlease insert it.",
            "Insert into {table}:\n{values}",
        ),
        validation=("{table} gets one more row.\n{values}",),
        test=("Put the following into {table}.\n{values}", "Another row for {table}, please:\n{values}"),
    ),
    "update": Phrases(
        train=(
            "[In {table}, set|Set in {table}] {group} to {new} for {name} {who}.",
            "Change {group} of {name} {who} to {new} in {table}.",
        ),
        validation=("{table}: the {group} of {name} {who} should read {new}.",),
        test=(
            "Please correct {table}: {name} {who} has {group} {new}.",
            "{name} {who} in {table} must get {group} {new}.",
        ),
    ),
    "delete": Phrases(
        train=("[Delete|Remove] {name} {who} from {table}.", "Take {name} {who} out of {table}."),
        validation=("No more {name} {who} in {table}.",),
        test=(
            "Please drop the row with {name} {who} in {table}.",
            "{table} should not list {name} {who} any longer.",
        ),
    ),
    "which_change": Phrases(
        train=(
            "[Correct|Change] the {group} of {who} in {table}.",
            "{who} has the wrong {group} in {table}.",
        ),
        validation=("In {table} the {group} for {who} is not right.",),
        test=(
            "Please fix the {group} of {who} ({table}).",
            "There is a mistake in {table}: the {group} of {who}.",
        ),
    ),
    "to_value": Phrases(
        train=("It is {new}.", "[Make|Set] it {new}."),
        validation=("{new} is correct.",),
        test=("The right one is {new}.", "It ought to be {new}."),
    ),
    "and_rows": Phrases(
        train=("[Show|And show] me the first {many} rows.", "Give me {many} rows of it as a sample."),
        validation=("{many} sample rows, please.",),
        test=("Let me look at its first {many} rows.", "I would like {many} rows of that as an example."),
    ),
    "and_question": Phrases(
        train=("Now: {question}", "And {question}"),
        validation=("Next one. {question}",),
        test=("Fine. {question}", "One more: {question}"),
    ),
}

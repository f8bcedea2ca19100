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
            "I have a question [on|about] the {table} table. {question}",
            "{question} (source: {table})",
            "Please query {table} for me. {question}",
            "{table} should hold the answer to this: {question}",
        ),
        validation=("{question} You find that in table {table}.",),
        test=("Regarding the table {table}: {question}", "{question} It is all in the table {table}."),
    ),
    "unknown": Phrases(
        train=(
            "I do not know the tables. It is about {table}. {question}",
            "[First see|Look up] which tables there are. About {table}: {question}",
            "Which tables exist here? I have no idea. My question is about {table}: {question}",
            "{question} This concerns {table}; find out first what the tables are called.",
            "I cannot say where the data on {table} is kept, so look over the [table list|available "
            "tables] before you answer. {question}",
            "This database is new to me. {question} Get an overview of the tables, then use the one "
            "for {table}.",
            "Somewhere there must be a table with {table}. Discover which one it is and tell me: {question}",
            "{question} Nobody told me what the table is called, only that it deals with {table}.",
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
            "Try {wrong}. Should that fail, search the existing tables for the right one. {question}",
            "Have a go at {wrong} first, and fall back on an overview of all tables if nobody knows "
            "it. {question}",
            "{question} I would start with {wrong}, but I may have the name wrong, in which case the "
            "table list will show you what I mean.",
            "My notes say {wrong}. That might be a typo, so on an error check what tables we have. "
            "{question}",
            "The name I remember is {wrong}. {question} Is it unknown? Then pick the proper one after "
            "listing all tables.",
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
            "How often does {value} occur as {group}?",
            "With {value} as the {group}, how many records do we have?",
            "Could you find out how many entries belong to the {group} {value}?",
            "Only {group} {value} matters to me: how many are there?",
            "Please work out how many records list {value} under {group}.",
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
            "Taking only {group} {value}, what does the {measure} column average out at?",
            "I would like to know the mean of {measure} for all records whose {group} is {value}.",
            "How high is the average {measure} in the {group} {value}?",
            "Calculate the mean value of {measure}, restricted to {group} {value}.",
            "{value} as {group}: what is the typical (mean) {measure}?",
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
            "How much {measure} does every {group} have altogether?",
            "Break the overall {measure} down by {group}.",
            "Please show me a {group} overview with the summed {measure}.",
            "Could you calculate {measure} totals, one for each {group}?",
            "Let me know the combined {measure} of the individual {group} values.",
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
            "How do the records spread over the {group} values? [Counts are enough.|Just the counts.]",
            "Split the table by {group} and tell me how many records fall into each part.",
            "Could you tally the entries of each {group}?",
            "How often does each {group} occur?",
            "Show me every {group} together with its number of records.",
        ),
        validation=("Give the row count of every {group}.",),
        test=("For each {group}, how many rows do we have?", "I want row counts, grouped by {group}."),
    ),
    "top": Phrases(
        train=(
            "Which {many} {name} values have the highest {measure}?",
            "List the {name} of the {many} rows with the largest {measure}.",
            "Top {many} {name} by {measure}?",
            "Rank by {measure} from high to low and give me the first {many} {name} values.",
            "Find the {many} biggest cases of {measure} and tell me the {name} of each.",
            "Order the records by falling {measure}; only the {name} of the first {many} interests me.",
            "Could you show a top {many} list ({name} only) according to {measure}?",
            "I am looking for the {many} records where {measure} peaks; what {name} do they have?",
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
            "Find the {name} of all records in which {measure} goes beyond {bound}.",
            "Past a {measure} of {bound}, what {name} entries are there?",
            "Could you filter for {measure} > {bound} and return the {name}?",
            "I would like to see each {name} that got past {bound} in {measure}.",
            "{bound} is the limit for {measure}. Which {name} values lie higher than that?",
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
            "Leave out everything with {day} earlier than {date}. How many records remain?",
            "How many entries are no older than {date} in the {day} column?",
            "Looking at {day}, what is the count from {date} onwards?",
            "Please count up the records whose {day} falls on {date} or afterwards.",
            "Since {date} (column {day}), how many entries have come in?",
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
            "Join it with {other} and show me each {name} that has {value} as its {label}.",
            "The {label} column is part of {other}. I want every {name} for {value}.",
            "{other} knows the {label} {value}. What {name} entries refer to it?",
            "Could you match the rows against {other} and return each {name} that points to {value} as "
            "{label}?",
            "I would like the {name} of all records connected with {value}, a {label} from {other}.",
            "What {name} values does one get for {label} {value} after joining {other}?",
        ),
        validation=("Combine it with {other}: which {name} go with {label} {value}?",),
        test=(
            "With {other} taken into account, which {name} have the {label} {value}?",
            "Find all {name} linked to {label} {value}, which is stored in {other}.",
        ),
    ),
    "two": Phrases(
        train=(
            "What columns do {tables} have?",
            "[Describe|Explain] the tables {tables}.",
            "Which fields are in {tables}?",
            "What schema do {tables} follow?",
            "Before I write a query I must know the column names in {tables}.",
            "Could you tell me what is stored in {tables}, column by column?",
            "Please print the definitions of {tables}.",
            "{tables}: what do these tables look like?",
        ),
        validation=("The structure of {tables}, please.",),
        test=("How are {tables} built up?", "Let me see the columns of {tables}."),
    ),
    "stats": Phrases(
        train=(
            "[Give me|Show] minimum and maximum of {measure} and the different values of {group} in table "
            "{table}.",
            "Table {table}: range of {measure}, and which values of {group} occur?",
            "What are the lowest and the highest {measure} in {table}? Also list every {group} that is "
            "used there.",
            "Two things about {table}: how far {measure} ranges, and what the possible {group} entries are.",
            "Could you summarize {measure} for {table} and enumerate the distinct {group} values?",
            "From {table}, [fetch|get] me the smallest and largest {measure}, plus each {group} "
            "without repeats.",
            "Please profile two columns of {table}: the extremes of {measure} and the different "
            "entries in {group}.",
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
            "Please record this in {table}.\n{values}",
            "We have a new record. It belongs in {table}:\n{values}",
            "{values}\nCould you save these details as a row of {table}?",
            "I would like {table} to contain this as well:\n{values}\nCreate the record, please.",
            "Can you enter the data below in {table}?\n\n{values}",
        ),
        validation=("{table} gets one more row.\n{values}",),
        test=("Put the following into {table}.\n{values}", "Another row for {table}, please:\n{values}"),
    ),
    "update": Phrases(
        train=(
            "[In {table}, set|Set in {table}] {group} to {new} for {name} {who}.",
            "Change {group} of {name} {who} to {new} in {table}.",
            "Update {table} so that {group} is {new} where {name} is {who}.",
            "From now on {new} is the {group} of {who} ({name}) in {table}.",
            "Could you switch {name} {who} over to {group} {new}? The table is {table}.",
            "I want {new} as {group} for the {table} row with {name} {who}.",
            "Please edit the record of {who} ({name}) in {table}: new {group}, {new}.",
            "Something changed in {table}. The {group} belonging to {name} {who} has become {new}.",
        ),
        validation=("{table}: the {group} of {name} {who} should read {new}.",),
        test=(
            "Please correct {table}: {name} {who} has {group} {new}.",
            "{name} {who} in {table} must get {group} {new}.",
        ),
    ),
    "delete": Phrases(
        train=(
            "[Delete|Remove] {name} {who} from {table}.",
            "Take {name} {who} out of {table}.",
            "Could you erase the {table} record of {name} {who}?",
            "The {table} entry for {name} {who} is obsolete; clear it away.",
            "I would like {name} {who} to disappear from {table}.",
            "Please strike {who} ({name}) off {table}.",
            "Wipe the row of {table} whose {name} is {who}.",
            "Can {name} {who} be thrown out of {table}?",
        ),
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
            "Could you edit the {group} that {table} has for {who}?",
            "I want to update {who} in {table}; it concerns the {group}.",
            "The {group} stored for {who} in {table} needs changing.",
            "{table} lists {who} with an incorrect {group}. Can you repair that?",
            "Someone entered a false {group} for {who}. The table is {table}, please put it right.",
            "Please give {who} a different {group} in {table}.",
        ),
        validation=("In {table} the {group} for {who} is not right.",),
        test=(
            "Please fix the {group} of {who} ({table}).",
            "There is a mistake in {table}: the {group} of {who}.",
        ),
    ),
    "to_value": Phrases(
        train=(
            "It is {new}.",
            "[Make|Set] it {new}.",
            "Please enter {new}.",
            "Change it to {new}.",
            "{new}, please.",
            "I want {new} there.",
            "Let us use {new}[ instead|].",
        ),
        validation=("{new} is correct.",),
        test=("The right one is {new}.", "It ought to be {new}."),
    ),
    "and_rows": Phrases(
        train=(
            "[Show|And show] me the first {many} rows.",
            "Give me {many} rows of it as a sample.",
            "What do {many} of its rows look like?",
            "Can you print {many} records from that table?",
            "To get an impression I want to see {many} entries of this table.",
            "Please pull {many} example records out of it.",
            "A short preview of the table would help: {many} rows will do.",
        ),
        validation=("{many} sample rows, please.",),
        test=("Let me look at its first {many} rows.", "I would like {many} rows of that as an example."),
    ),
    "and_question": Phrases(
        train=(
            "Now: {question}",
            "And {question}",
            "I have another question. {question}",
            "Good. [Also|Now to something else]: {question}",
            "Staying with this table: {question}",
            "While we are at it: {question}",
            "Thanks, that helps. {question}",
        ),
        validation=("Next one. {question}",),
        test=("Fine. {question}", "One more: {question}"),
    ),
}

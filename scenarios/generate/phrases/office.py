"""What users say to the office assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "meet": Phrases(
        train=(
            '[Set up|Schedule] a {minutes} minute meeting "{title}" with {person} on {date} at the first '
            "time both of us are free"
            "{place}. [My address is|I am] {me}.",
            "Find a slot of {minutes} minutes on {date} for {person} and me ({me}) and book the earliest "
            'as "{title}"{place}.',
            'I ({me}) want to meet {person} for {minutes} minutes on {date}. Title: "{title}"{place}. '
            "Take the earliest free "
            "time.",
        ),
        validation=(
            '"{title}", {minutes} minutes, {date}, {person} and {me}: look for the earliest free time and '
            "book it{place}.",
        ),
        test=(
            'Please arrange "{title}" between {me} and {person}: {date}, {minutes} minutes, as early as '
            "we are both free{place}.",
            'When are {person} and I ({me}) free on {date} for {minutes} minutes? Enter "{title}" at the '
            "earliest time{place}.",
        ),
    ),
    "mail_person": Phrases(
        train=(
            '[Send|Write] {person} a mail with the subject "{subject}" and the text "{body}"',
            'Look up {person} and mail them: subject "{subject}", text "{body}"',
        ),
        validation=('A mail to {person}, please. It is titled "{subject}" and says "{body}"',),
        test=(
            'Tell {person} by mail: "{body}" The subject line is "{subject}".',
            '{person} should get a message with "{subject}" on top and "{body}" as its text.',
        ),
    ),
    "handle_mail": Phrases(
        train=(
            'Find the mail about the {subject}, read it, label it {label} and answer "{body}"',
            "[There is|I got] a mail on the {subject}. Read it, put the label {label} on it, then reply "
            '"{body}"',
        ),
        validation=('The {subject} mail: open it, mark it {label}, and respond with "{body}"',),
        test=(
            "Somebody wrote about the {subject}. Have a look at the mail, file it under {label} and write "
            'back "{body}"',
            'Please search for the {subject} mail, view it, give it the label {label} and send "{body}" '
            "in return.",
        ),
    ),
    "shift": Phrases(
        train=(
            "Move my {title} on {date} to {new} at {time}.",
            "[The|My] {title} of {date} [has to|must] be on {new}, {time} instead.",
            "Look up the {title} on {date} and move it to {time} on {new}.",
        ),
        validation=("{date}: my {title} cannot stay there. Put it on {new} at {time}.",),
        test=(
            "Please find the {title} that I have on {date} and reschedule it for {time}, {new}.",
            "I cannot make the {title} on {date}. New time: {new}, {time}.",
        ),
    ),
    "days": Phrases(
        train=(
            "What is in my calendar on {dates}?",
            "[Show|List] my events for {dates}.",
            "Do I have anything on {dates}?",
        ),
        validation=("My appointments on {dates}, please.",),
        test=("How do {dates} look in my diary?", "Which meetings are planned for {dates}?"),
    ),
    "contacts": Phrases(
        train=(
            "What are the addresses of {names}?",
            "[Look up|Find] the mail addresses of {names}.",
            "I need the contacts of {names}.",
        ),
        validation=("How do I reach {names} by mail?",),
        test=("Give me the addresses that you have for {names}.", "Where do I write to {names}?"),
    ),
    "busy": Phrases(
        train=(
            'Book "{title}" with {attendee} on {date} at {time}, {minutes} minutes. [If that is taken|If '
            "{attendee} is busy], use the "
            "first free time that day.",
            '{minutes} minutes "{title}" with {attendee}, {date}, {time}; if there is a conflict, the '
            "first free time that day.",
        ),
        validation=(
            'Enter "{title}" for {attendee} on {date}, {time}, {minutes} minutes, else at the first free '
            "time of the day.",
        ),
        test=(
            'Please put "{title}" ({minutes} minutes, {attendee}) at {time} on {date}. Not free? Then the '
            "earliest gap the same "
            "day.",
            'I would like {attendee} for {minutes} minutes on {date} at {time}, called "{title}". '
            "Otherwise take the day's earliest "
            "opening.",
        ),
    ),
    "bad_name": Phrases(
        train=(
            "Forward mail {mail} to {wrong}. If there is nobody of that name, try {right}.",
            "Pass mail {mail} on to {wrong}, or to {right} if {wrong} is not in the contacts.",
        ),
        validation=("{mail} goes to {wrong}; not among the contacts means {right}.",),
        test=(
            "Please send mail {mail} along to {wrong}. I may have the name wrong: it could be {right}.",
            "Share {mail} with {wrong}, and with {right} when the first one cannot be found.",
        ),
    ),
    "invitation": Phrases(
        train=(
            "Enter this invitation:\nWhat: {title}\nWhen: {date}, {time}, {minutes} minutes\nWho: "
            "{people}{place}",
            "Please put it in the calendar.\n> {title}\n> {date} at {time} for {minutes} minutes\n> with "
            "{people}{place}",
            'From a letter: we invite {people} to "{title}",\n{date}, {time} ({minutes} '
            "minutes){place}\nAdd it.",
        ),
        validation=("Calendar entry\n{date} {time} / {minutes} minutes / {title}\nGuests: {people}{place}",),
        test=(
            "Add the meeting described here.\nTitle {title}\nDate {date}\nStart {time}\nLength {minutes} "
            "minutes\nGuests {people}{place}",
            'I copied this from the chat:\n"{title}" on {date}, start {time}, {minutes} minutes, '
            "{people}{place}\nMake an event of it.",
        ),
    ),
    "card": Phrases(
        train=(
            "Add this business card:\n{name}\n{company}, {city}\n{email}",
            "Save the contact below.\nName: {name}\nCompany: {company} ({city})\nMail: {email}",
        ),
        validation=("New contact from a mail footer:\n{name} | {company} | {city}\n{email}",),
        test=(
            "Please enter this person into the address book.\n{email}\n{name}\n{company}\n{city}",
            "Card found on my desk:\n{company}\n{name}, {city}\nwrite to {email}\nKeep it.",
        ),
    ),
    "remind_missing": Phrases(
        train=("Remind me of the {note}.", "[Set|I need] a reminder for the {note}."),
        validation=("Do not let me forget the {note}.",),
        test=("I must not forget the {note}; remind me.", "Please give me a reminder about the {note}."),
    ),
    "remind": Phrases(
        train=("On {date} at {time}.", "{date}, {time}."),
        validation=("At {time} on {date}, please.",),
        test=("The day is {date}, the time {time}.", "{time}, {date} would be good."),
    ),
    "reply": Phrases(
        train=('Answer mail {mail} with "{body}"', 'Reply to {mail}: "{body}"'),
        validation=('Respond to {mail} as follows: "{body}"',),
        test=('Write back to the sender of {mail}: "{body}"', '{mail} deserves an answer, namely "{body}"'),
    ),
    "call_off": Phrases(
        train=("Cancel event {event}{quiet}.", "{event} [will not take place|is off]: cancel it{quiet}."),
        validation=("Event {event} must go{quiet}.",),
        test=(
            "Please delete {event} from the calendar{quiet}.",
            "There will be no {event}; remove it{quiet}.",
        ),
    ),
    "agenda": Phrases(
        train=("What do I have on {date}?", "[Show|List] my {date}."),
        validation=("My plan for {date}?",),
        test=("Which appointments are there on {date}?", "Take me through {date}."),
    ),
    "join": Phrases(
        train=("[Invite|Add] {people} to the {title}.", "{people} should come to the {title} too."),
        validation=("The {title} needs {people} as well.",),
        test=("Please have {people} join the {title}.", "For the {title}, also ask {people}."),
    ),
    "drop": Phrases(
        train=("[And cancel|Cancel] the {title}{quiet}.", "The {title} is off{quiet}."),
        validation=("No {title}, please{quiet}.",),
        test=("Strike the {title}{quiet}.", "I want the {title} gone{quiet}."),
    ),
    "meet_and_tell": Phrases(
        train=(
            '[Look up|Find] {first} and {second}, book "{title}" with both on {date} at the earliest '
            "free time ({minutes} "
            'minutes), and mail both, with the title as subject: "{body}"',
            "{first} and {second} should meet for {minutes} minutes on {date}, as early as both are free. "
            "[Title|Call it] "
            '"{title}". Then send both a mail of the same title saying "{body}"',
        ),
        validation=(
            '"{title}" for {first} and {second}, {date}, {minutes} minutes, earliest free time; '
            'afterwards a mail "{title}" to '
            'the two: "{body}"',
        ),
        test=(
            "Bring {first} and {second} together on {date} for {minutes} minutes under the title "
            '"{title}", at the earliest gap '
            'they share. Mail them both under that title: "{body}"',
            'I need {first} and {second} in "{title}" on {date} ({minutes} minutes, the first time that '
            "suits both), and a mail to "
            'both with subject "{title}" and text "{body}"',
        ),
    ),
}

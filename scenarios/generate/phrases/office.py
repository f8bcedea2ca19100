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
            "Check the calendars of {person} and myself, {me}, for {date}: whatever {minutes} minute gap "
            'comes up first should become "{title}"{place}.',
            'On {date} I need {minutes} minutes with {person}{place}. We call it "{title}". Choose the '
            "soonest slot that works for the two of us; my own mail is {me}.",
            "Can you get me an appointment with {person} on {date}? {minutes} minutes will do, as soon as "
            'neither of us is busy. Put it down as "{title}"{place}; I am {me}.',
            'Subject of the meeting: "{title}"{place}. Participants: {person} plus me, {me}. Day: {date}. '
            "Duration: {minutes} minutes. Start: whenever we both have time first.",
            'I have been meaning to sit down with {person}{place} to discuss "{title}". Use {date}, '
            "{minutes} minutes, the first opening we have in common, and {me} for me.",
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
            'Drop {person} a line saying "{body}" [Use|Choose] "{subject}" as the subject.',
            'Could you email {person}? Subject: "{subject}". Message: "{body}"',
            'I would like to let {person} know the following: "{body}" Head the email "{subject}".',
            'Recipient {person}, subject "{subject}", content "{body}" Get the address and send it off.',
            'Get in touch with {person} by email. The heading is "{subject}", and the message reads "{body}"',
            'Under the heading "{subject}", email "{body}" to {person}, whose address you will find in '
            "the contacts.",
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
            "Can you locate the email on the {subject}? Once you have read it, tag it as {label} and "
            'reply with "{body}"',
            "An email concerning the {subject} came in. Check what it says, categorise it as {label}, "
            'then answer the sender: "{body}"',
            "Please deal with the message regarding the {subject}: read it, tag it with {label}, reply "
            '"{body}"',
            "I need you to go through the message about the {subject}. It counts as {label}, and my reply "
            'is "{body}"',
            'My answer to the email on the {subject} is "{body}" Before you send that, open the email and '
            "attach the {label} label.",
            "In my inbox is something about the {subject}. Pull it up, look at the text, set {label} as "
            'its label and let the sender know: "{body}"',
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
            "Could the {title} of {date} be pushed to {new} at {time}?",
            "Postpone the {title}, currently on {date}, until {new}, {time}.",
            "Something came up on {date}, so the {title} should take place on {new} at {time}.",
            "I would rather have the {title} at {time} on {new} than on {date}.",
            "{new} at {time} suits me better for the {title}, which is down for {date} right now. [Change "
            "it, please.|Can you change that?]",
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
            "Tell me what is scheduled for {dates}.",
            "Am I free on {dates}, or is my time already taken?",
            "I want to know what awaits me on {dates}.",
            "Could you check the calendar for {dates} and tell me what it says?",
            "{dates}: what is going on [then|on those days]?",
        ),
        validation=("My appointments on {dates}, please.",),
        test=("How do {dates} look in my diary?", "Which meetings are planned for {dates}?"),
    ),
    "contacts": Phrases(
        train=(
            "What are the addresses of {names}?",
            "[Look up|Find] the mail addresses of {names}.",
            "I need the contacts of {names}.",
            "Could you tell me the email of each of these people: {names}?",
            "{names}: what are their email addresses?",
            "I want to email {names} but have lost their addresses. [Can you find them?|Please find them.]",
            "Search the address book for {names}.",
            "Check the contact list for {names} and show me the entries.",
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
            'Could you schedule {attendee} for "{title}"? It should start at {time} on {date} and last '
            "{minutes} minutes. Should that clash with something, take the first open slot of that day.",
            'Try to get "{title}" into the calendar for {date} at {time}: {minutes} minutes, attendee '
            "{attendee}. When the slot is occupied, choose the first one available that day.",
            'On {date} at {time} I want to meet {attendee} for {minutes} minutes ("{title}"). In the '
            "event of a clash, go for whichever time is free first on that date.",
            'Create a {minutes} minute event named "{title}" on {date}, {time}, and invite {attendee}. '
            "Only if it collides with something else, look up the free times of that day and take the "
            "first.",
            'Reserve {time} on {date} for "{title}" with {attendee}, {minutes} minutes long; in case the '
            "calendar refuses, whatever is free first on that date will do.",
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
            "Can {wrong} get a copy of mail {mail}? Should no such contact exist, let {right} have it.",
            "I want {wrong} to read {mail}, so forward it. If you cannot find that contact, forward it to "
            "{right} instead.",
            "{wrong} should receive the mail {mail}; in case the address book does not know that person, "
            "{right} should.",
            "Look up {wrong} and forward {mail} there. No entry? Then use {right}.",
            "The mail {mail} is for {wrong} or, if you have no address for that name, for {right}. "
            "Forward it.",
            "Relay {mail} to {wrong}. Only when no contact is called that, relay it to {right}.",
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
            "Could you turn this into a calendar event?\n{title}\nAttendees: {people}\nDay: {date}\nTime: "
            "{time}\nDuration: {minutes} minutes{place}",
            'Here is an invitation I received:\nYou are invited to "{title}" on {date}. We start at '
            "{time} and need {minutes} minutes. Invited: {people}.{place}\nReserve the time, please.",
            "Schedule what follows.\n- Topic: {title}\n- Participants: {people}\n- Starts: {time} on "
            "{date}\n- Takes: {minutes} minutes{place}",
            'Forwarded message\n"{title}" will be held on {date} from {time} and lasts {minutes} minutes. '
            "We expect {people}.{place}\nPlease create the event for it.",
            "I need an appointment for this note:\n{people}\n{minutes} minutes on {date}, {time}\nTopic: "
            "{title}{place}",
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
            "I met someone at the fair:\n{name} from {company} in {city}\nEmail: {email}\nPlease create a "
            "contact.",
            "Could you put these details in my contacts?\nCompany: {company}\nCity: {city}\nPerson: "
            "{name}\nEmail: {email}",
            "Sent by {name} <{email}>\n{company}, office in {city}\nMake sure I have this sender as a "
            "contact.",
            "{name} works at {company} in {city} and can be reached under {email}. Store that as a contact.",
            "Create a contact from these lines.\n{company}\n{city}\n{name}\n{email}",
        ),
        validation=("New contact from a mail footer:\n{name} | {company} | {city}\n{email}",),
        test=(
            "Please enter this person into the address book.\n{email}\n{name}\n{company}\n{city}",
            "Card found on my desk:\n{company}\n{name}, {city}\nwrite to {email}\nKeep it.",
        ),
    ),
    "remind_missing": Phrases(
        train=(
            "Remind me of the {note}.",
            "[Set|I need] a reminder for the {note}.",
            "Could you nudge me about the {note}?",
            "I am bad at remembering things, so ping me about the {note}.",
            "Make sure that I remember the {note}.",
            "[Please create|Create] a reminder: {note}.",
            "The {note} always slips my mind. [A reminder would help.|Can you set a reminder?]",
        ),
        validation=("Do not let me forget the {note}.",),
        test=("I must not forget the {note}; remind me.", "Please give me a reminder about the {note}."),
    ),
    "remind": Phrases(
        train=(
            "On {date} at {time}.",
            "{date}, {time}.",
            "Best on {date}, at {time}.",
            "Let us take {date}, and {time} for the hour.",
            "Make it {date}, {time} sharp.",
            "I would like it on {date}; {time} is fine.",
            "Can you do it on {date} at {time}?",
        ),
        validation=("At {time} on {date}, please.",),
        test=("The day is {date}, the time {time}.", "{time}, {date} would be good."),
    ),
    "reply": Phrases(
        train=(
            'Answer mail {mail} with "{body}"',
            'Reply to {mail}: "{body}"',
            'Please let the author of {mail} know: "{body}"',
            'Could you answer {mail}? [Say|Write]: "{body}"',
            '"{body}" is what I want to reply to {mail}.',
            'I still have to reply to {mail}. The text: "{body}"',
            'Send this as a reply to mail {mail}: "{body}"',
        ),
        validation=('Respond to {mail} as follows: "{body}"',),
        test=('Write back to the sender of {mail}: "{body}"', '{mail} deserves an answer, namely "{body}"'),
    ),
    "call_off": Phrases(
        train=(
            "Cancel event {event}{quiet}.",
            "{event} [will not take place|is off]: cancel it{quiet}.",
            "Can you call off {event}{quiet}?",
            "We no longer need event {event}. Call it off{quiet}.",
            "I have decided against {event}, so take it off my schedule{quiet}.",
            "Drop {event}{quiet}.",
            "Nobody has time for {event}; scrap it{quiet}.",
            "I want event {event} cancelled{quiet}.",
        ),
        validation=("Event {event} must go{quiet}.",),
        test=(
            "Please delete {event} from the calendar{quiet}.",
            "There will be no {event}; remove it{quiet}.",
        ),
    ),
    "agenda": Phrases(
        train=(
            "What do I have on {date}?",
            "[Show|List] my {date}.",
            "Am I busy on {date}?",
            "What does my schedule say for {date}?",
            "Could you read me the events of {date}?",
            "I would like an overview of {date}.",
            "Let me know what is happening on {date}.",
            "Is anything planned for {date}?",
        ),
        validation=("My plan for {date}?",),
        test=("Which appointments are there on {date}?", "Take me through {date}."),
    ),
    "join": Phrases(
        train=(
            "[Invite|Add] {people} to the {title}.",
            "{people} should come to the {title} too.",
            "Can you put {people} on the guest list of the {title}?",
            "Extend the {title} invitation to {people}.",
            "I want {people} at the {title}.",
            "Include {people} in the {title}[, please|].",
            "Enter {people} as [further|additional] attendees of the {title}.",
            "I forgot {people} when I planned the {title}; send the invitation now.",
        ),
        validation=("The {title} needs {people} as well.",),
        test=("Please have {people} join the {title}.", "For the {title}, also ask {people}."),
    ),
    "drop": Phrases(
        train=(
            "[And cancel|Cancel] the {title}{quiet}.",
            "The {title} is off{quiet}.",
            "Could you also call off the {title}{quiet}?",
            "I will not be able to hold the {title}, so cancel it{quiet}.",
            "The {title} is no longer necessary; take it out{quiet}.",
            "Next, delete the {title}{quiet}.",
            "As for the {title}, scrap it{quiet}.",
            "Remove the {title} from that day{quiet}.",
        ),
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
            "Could you arrange {minutes} minutes for {first} and {second} on {date}? Pick the first time "
            'when neither is busy and name the event "{title}". After that, email the pair: subject '
            '"{title}", message "{body}"',
            'On {date}, {first} and {second} have to talk about "{title}". Schedule {minutes} minutes at '
            "their first common opening under that name, then write to the two of them, using the same "
            'words as the subject: "{body}"',
            'Schedule "{title}": attendees {first} and {second}, {date}, {minutes} minutes, the soonest '
            'slot that fits the two. Then inform them by email with the subject "{title}": "{body}"',
            'I want a {minutes} minute event called "{title}" for {first} and {second}. The day is '
            "{date}, and the hour is whichever both have free first. Once it is booked, email them "
            '"{body}" with the event title in the subject line.',
            "Check when {first} and {second} are both available on {date}, reserve the first {minutes} "
            'minutes as "{title}" and let them know in an email of that subject: "{body}"',
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

"""Requests to an office assistant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from lab.scenarios.generate.pools import CITIES, COMPANIES, TOPICS, words
from lab.scenarios.generate.script import Script, Task, norm, unordered
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import day, listed
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.office import LABELS

PLACES = words(
    """Room_Amber Room_Basalt Room_Cedar Room_Delta Room_Elm Room_Fjord Room_Garnet Room_Hazel
    Room_Iris Room_Jade Room_Kelp Room_Lotus Room_Maple Room_Nile Room_Opal Room_Pine Room_Quartz
    Room_Rose Room_Sage Room_Tulip Room_Umbra Room_Violet Room_Willow Room_Yarrow"""
)
BODIES = (
    "The {} is on track.",
    "Please look at the {} this week.",
    "I have no questions about the {}.",
    "We should talk about the {}.",
    "The {} has to wait.",
    "I agree with the {}.",
)
MINUTES = (15, 30, 45, 60, 90)

QUIET = " without telling anybody"


def base(_: Values) -> JSON:
    """An empty office."""
    return {table: {} for table in ("contacts", "companies", "events", "mails", "sent", "reminders")}


def _contact(s: Script) -> tuple[str, str]:
    name = s.v.person()
    email = s.v.email(name)
    s.state["contacts"][name] = email
    return name, email


def _event(
    s: Script, on: date, time: str | None = None, *people: str, minutes: int | None = None
) -> tuple[str, str]:
    event_id, title = s.v.id_("EV"), s.v.pick(TOPICS)
    s.state["events"][event_id] = {
        "title": title,
        "date": on.isoformat(),
        "time": time or s.v.time(),
        "minutes": minutes or s.v.choice(MINUTES),
        "attendees": list(people),
    }
    return event_id, title


def _mail(s: Script) -> tuple[str, str]:
    mail_id, subject, sender = s.v.id_("ML"), s.v.pick(TOPICS), s.v.person()
    body = s.v.choice(BODIES).format(subject)
    s.state["mails"][mail_id] = {"sender": s.v.email(sender), "subject": subject, "body": body}
    return mail_id, subject


def _body(s: Script) -> str:
    return s.v.choice(BODIES).format(s.v.pick(TOPICS))


def meet(s: Script) -> Iterator[None]:
    v, on, title, minutes = s.v, s.v.date(), s.v.pick(TOPICS), s.v.choice((30, 45, 60, 90))
    (person, email), me = _contact(s), s.v.email(s.v.person())
    _event(s, on, "09:00", email, minutes=v.choice((30, 60, 120, 150)))
    _event(s, on, v.choice(("11:00", "12:30", "14:00")), me)
    place = v.pick(PLACES) if v.chance(0.4) else None
    yield
    s.ask(
        "meet",
        minutes=minutes,
        title=title,
        person=person,
        date=on,
        me=me,
        place=f" in {place}" if place else "",
    )
    found = s.call("find_contact", name=norm(person))["contacts"][0]
    both = unordered([found["email"], me])
    free = s.call("find_free_time", attendees=both, date=on.isoformat(), minutes=minutes)["free"]
    wish = {"place": place} if place else {}
    made = s.call(
        "create_event",
        title=norm(title),
        date=on.isoformat(),
        time=free[0],
        minutes=minutes,
        attendees=both,
        **wish,
    )
    s.say(
        f"[Booked|Scheduled] at {free[0]} on {day(on.isoformat())}: {made['event_id']}.",
        free[0],
        meeting_time=free[0],
    )


def mail_person(s: Script) -> Iterator[None]:
    (person, _), subject, body = _contact(s), s.v.pick(TOPICS), _body(s)
    yield
    s.ask("mail_person", person=person, subject=subject, body=body)
    found = s.call("find_contact", name=norm(person))["contacts"][0]
    s.call("send_mail", to=[found["email"]], subject=norm(subject), body=body)
    s.say(f"[Sent|The mail went] to {found['email']}.", found["email"], mail_address=found["email"])


def handle_mail(s: Script) -> Iterator[None]:
    (mail_id, subject), label, body = _mail(s), s.v.choice(LABELS), _body(s)
    _mail(s)
    yield
    s.ask("handle_mail", subject=subject, label=label, body=body)
    s.call("search_mail", subject=norm(subject))
    mail = s.call("read_mail", mail_id=mail_id)
    s.call("label_mail", mail_id=mail_id, label=label)
    s.call("reply_mail", mail_id=mail_id, body=body)
    s.say(
        f"{mail['sender']} has your answer; the mail is labelled {label}.", label, mail_sender=mail["sender"]
    )


def shift(s: Script) -> Iterator[None]:
    on, time = s.v.date(), s.v.time()
    new = s.v.later(on)
    (event_id, title), _ = _event(s, on), _event(s, on)
    yield
    s.ask("shift", title=title, date=on, new=new, time=time)
    s.call("list_events", date=on.isoformat())
    s.call("move_event", event_id=event_id, date=new.isoformat(), time=time)
    s.say(f"The {title} is on {day(new.isoformat())} at {time} now.", time, new_time=time)


def days(s: Script) -> Iterator[None]:
    dates = [s.v.date(2, 9)]
    while len(dates) < 2 + s.v.chance(0.4):
        dates.append(s.v.later(dates[-1]))
    titles = [_event(s, on)[1] for on in dates]
    yield
    s.ask("days", dates=dates)
    s.together(*(("list_events", {"date": on.isoformat()}) for on in dates))
    told = [f"{day(on.isoformat())}: {title}" for on, title in zip(dates, titles, strict=True)]
    s.say(f"{'; '.join(told)}.", *titles)


def contacts(s: Script) -> Iterator[None]:
    known = [_contact(s) for _ in range(s.v.count(2, 4))]
    yield
    s.ask("contacts", names=[name for name, _ in known])
    s.together(*(("find_contact", {"name": norm(name)}) for name, _ in known))
    s.say(f"{'; '.join(f'{name}: {email}' for name, email in known)}.", *(email for _, email in known))


def busy(s: Script) -> Iterator[None]:
    on, title, minutes = s.v.date(), s.v.pick(TOPICS), s.v.choice((30, 45, 60))
    attendee, time = s.v.email(s.v.person()), s.v.choice(("10:00", "11:00", "14:00", "15:30"))
    _event(s, on, time, attendee)
    _event(s, on, "09:00", attendee, minutes=s.v.choice((30, 45)))
    yield
    s.ask("busy", title=title, attendee=attendee, date=on, time=time, minutes=minutes)
    event = {"title": norm(title), "date": on.isoformat(), "minutes": minutes, "attendees": [attendee]}
    s.refused("conflict", "create_event", **event, time=time)
    free = s.call("find_free_time", attendees=[attendee], date=on.isoformat(), minutes=minutes)["free"]
    s.call("create_event", **event, time=free[0])
    s.say(f"{time} was taken, so it is at {free[0]}.", free[0], meeting_time=free[0])


def bad_name(s: Script) -> Iterator[None]:
    (mail_id, _), (right, email), wrong = _mail(s), _contact(s), s.v.person()
    yield
    s.ask("bad_name", mail=mail_id, wrong=wrong, right=right)
    s.refused("not_found", "find_contact", name=norm(wrong))
    found = s.call("find_contact", name=norm(right))["contacts"][0]
    s.call("forward_mail", mail_id=mail_id, to=[found["email"]])
    s.say(f"{wrong} is not among the contacts; {mail_id} went to {right}, {email}.", email)


def invitation(s: Script) -> Iterator[None]:
    v, people = s.v, [s.v.email(s.v.person()) for _ in range(s.v.count(1, 3))]
    title, on, time, minutes = v.pick(TOPICS), v.date(), v.time(), v.choice(MINUTES)
    place = v.pick(PLACES) if v.chance(0.5) else None
    yield
    said = f"\nWhere: {place}" if place else ""
    s.ask("invitation", title=title, date=on, time=time, minutes=minutes, people=people, place=said)
    wish = {"place": place} if place else {}
    event = {"title": norm(title), "date": on.isoformat(), "time": time, "minutes": minutes}
    made = s.call("create_event", **event, attendees=unordered(people), **wish)
    s.say(
        f"[Added|It is in the calendar] as {made['event_id']}.",
        made["event_id"],
        event_number=made["event_id"],
    )


def card(s: Script) -> Iterator[None]:
    name, company, city = s.v.person(), s.v.pick(COMPANIES), s.v.pick(CITIES)[0]
    email = s.v.email(name)
    yield
    s.ask("card", name=name, company=company, city=city, email=email)
    s.call("add_contact", name=name, email=email, company={"name": company, "city": city})
    s.say(f"{name} is [saved|in the address book].", name)


def remind(s: Script) -> Iterator[None]:
    note, on, time = s.v.pick(TOPICS), s.v.date(), s.v.time()
    yield
    s.ask("remind_missing", note=note)
    s.show("set_reminder")
    s.say("[Which day and time|Which day and what time] should I note for that?")
    s.ask("remind", date=on, time=time)
    made = s.call("set_reminder", note=norm(note), date=on.isoformat(), time=time)
    s.say(f"Reminder {made['reminder_id']} is set for {day(on.isoformat())}, {time}.", made["reminder_id"])


def reply(s: Script) -> Iterator[None]:
    (mail_id, _), body = _mail(s), _body(s)
    yield
    s.ask("reply", mail=mail_id, body=body)
    s.show("send_mail", "forward_mail", "reply_mail")
    s.call("reply_mail", mail_id=mail_id, body=body)
    s.say(f"The answer to {mail_id} is sent.", mail_id)


def call_off(s: Script) -> Iterator[None]:
    event_id, _ = _event(s, s.v.date())
    quiet = s.v.chance(0.5)
    yield
    s.ask("call_off", event=event_id, quiet=QUIET if quiet else "")
    s.show("move_event", "cancel_event")
    s.call("cancel_event", event_id=event_id, **({"notify": False} if quiet else {}))
    s.say(f"{event_id} is cancelled.", event_id)


def agenda(s: Script) -> Iterator[None]:
    on, people = s.v.date(), [s.v.email(s.v.person()) for _ in range(s.v.count(1, 2))]
    (first, title), (second, other) = _event(s, on, s.v.choice(("09:00", "09:30"))), _event(s, on, "15:00")
    quiet = s.v.chance(0.4)
    yield
    s.ask("agenda", date=on)
    found = s.call("list_events", date=on.isoformat())["events"]
    s.say(f"{listed([event['time'] + ' ' + event['title'] for event in found])}.")
    s.ask("join", people=people, title=title)
    s.call("add_attendees", event_id=first, attendees=unordered(people))
    s.say(f"{listed(people)} are invited to the {title}." if len(people) > 1 else f"{people[0]} is invited.")
    s.ask("drop", title=other, quiet=QUIET if quiet else "")
    s.call("cancel_event", event_id=second, **({"notify": False} if quiet else {}))
    s.say(f"The {other} is cancelled.", other)


def meet_and_tell(s: Script) -> Iterator[None]:
    v, on, title, minutes = s.v, s.v.date(), s.v.pick(TOPICS), s.v.choice((30, 45, 60, 90))
    (first, one), (second, _), body = _contact(s), _contact(s), _body(s)
    _event(s, on, "09:00", one, minutes=v.choice((30, 60, 90)))
    yield
    s.ask("meet_and_tell", minutes=minutes, title=title, first=first, second=second, date=on, body=body)
    found = s.together(("find_contact", {"name": norm(first)}), ("find_contact", {"name": norm(second)}))
    both = unordered([each["contacts"][0]["email"] for each in found])
    free = s.call("find_free_time", attendees=both, date=on.isoformat(), minutes=minutes)["free"]
    event = {"title": norm(title), "date": on.isoformat(), "time": free[0], "minutes": minutes}
    made = s.call("create_event", **event, attendees=both)
    s.call("send_mail", to=both, subject=norm(title), body=body)
    s.say(
        f"{made['event_id']} is at {free[0]}, and {first} and {second} have a mail.",
        free[0],
        meeting_time=free[0],
        event_number=made["event_id"],
    )


TASKS = (
    Task(meet, ("chain",), 4),
    Task(meet_and_tell, ("chain",), 5),
    Task(mail_person, ("chain",), 3),
    Task(handle_mail, ("chain",), 5),
    Task(shift, ("chain",), 3),
    Task(days, ("parallel",), 2),
    Task(contacts, ("parallel",), 2),
    Task(busy, ("retry",), 4),
    Task(bad_name, ("retry",), 4),
    Task(invitation, ("extraction",), 2),
    Task(card, ("extraction",), 2),
    Task(remind, ("ambiguous",), 3),
    Task(reply, ("ambiguous", "short"), 2),
    Task(call_off, ("ambiguous", "short"), 2),
    Task(agenda, ("dialogue",), 6),
)

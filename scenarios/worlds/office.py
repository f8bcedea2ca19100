"""A calendar, a mailbox and an address book."""

from __future__ import annotations

from lab.scenarios.worlds.base import (
    BOOLEAN,
    DATE,
    JSON,
    STRING,
    Tool,
    World,
    array,
    clock,
    enum,
    record,
    refuse_unless,
    text,
    whole,
)

LABELS = ("urgent", "later", "finance", "personal")
OPENS, CLOSES, STEP = 9 * 60, 17 * 60, 30  # minutes after midnight


class Office(World):
    """State: `contacts` (name -> address), `events`, `mails`, `sent`, `reminders` (by id), `companies`
    (name -> company)."""

    name = "office"
    role = "office assistant for calendar and mail"

    def find_contact(self, name: str) -> JSON:
        hits = [
            {"name": known, "email": email}
            for known, email in self._state["contacts"].items()
            if name.casefold() in known.casefold()
        ]
        refuse_unless(hits, "not_found", f"nobody called {name!r}")
        return {"contacts": hits}

    def list_events(self, date: str, attendee: str | None) -> JSON:
        events = [
            {"event_id": id_, "title": event["title"], "time": event["time"], "minutes": event["minutes"]}
            for id_, event in self._state["events"].items()
            if event["date"] == date and (attendee is None or attendee in event["attendees"])
        ]
        return {"events": sorted(events, key=lambda event: str(event["time"]))}

    def find_free_time(self, attendees: list[str], date: str, minutes: int) -> JSON:
        starts = [
            f"{start // 60:02}:{start % 60:02}"
            for start in range(OPENS, CLOSES - minutes + 1, STEP)
            if self._busy(attendees, date, start, minutes) is None
        ]
        return {"date": date, "free": starts[:3]}

    def create_event(
        self, title: str, date: str, time: str, minutes: int, attendees: list[str], place: str | None
    ) -> JSON:
        busy = self._busy(attendees, date, clock(time), minutes)
        refuse_unless(busy is None, "conflict", f"{busy} is busy at {time} on {date}")
        event = {"title": title, "date": date, "time": time, "minutes": minutes, "attendees": attendees}
        event_id = self._new_id("EV", self._state["events"], event, place)
        self._state["events"][event_id] = event | ({"place": place} if place else {})
        return {"event_id": event_id}

    def move_event(self, event_id: str, date: str, time: str) -> JSON:
        event = self._find("events", event_id, "event")
        clock(time)
        event["date"], event["time"] = date, time
        return {"event_id": event_id, "date": date, "time": time}

    def cancel_event(self, event_id: str, notify: bool) -> JSON:
        event = self._find("events", event_id, "event")
        del self._state["events"][event_id]
        return {"cancelled": event_id, "notified": len(event["attendees"]) if notify else 0}

    def add_attendees(self, event_id: str, attendees: list[str]) -> JSON:
        event = self._find("events", event_id, "event")
        event["attendees"] = sorted({*event["attendees"], *attendees})
        return {"event_id": event_id, "attendees": len(event["attendees"])}

    def search_mail(self, sender: str | None, subject: str | None) -> JSON:
        mails = [
            {"mail_id": id_, "sender": mail["sender"], "subject": mail["subject"]}
            for id_, mail in self._state["mails"].items()
            if (sender or "").casefold() in mail["sender"].casefold()
            and (subject or "").casefold() in mail["subject"].casefold()
        ]
        return {"mails": mails}

    def read_mail(self, mail_id: str) -> JSON:
        mail = self._find("mails", mail_id, "mail")
        return {key: mail[key] for key in ("sender", "subject", "body")}

    def send_mail(self, to: list[str], subject: str, body: str) -> JSON:
        for address in to:
            refuse_unless("@" in address, "invalid_address", f"{address!r} is no mail address")
        return self._send({"to": to, "subject": subject, "body": body})

    def reply_mail(self, mail_id: str, body: str) -> JSON:
        mail = self._find("mails", mail_id, "mail")
        return self._send({"to": [mail["sender"]], "subject": f"Re: {mail['subject']}", "body": body})

    def forward_mail(self, mail_id: str, to: list[str]) -> JSON:
        mail = self._find("mails", mail_id, "mail")
        for address in to:
            refuse_unless("@" in address, "invalid_address", f"{address!r} is no mail address")
        return self._send({"to": to, "subject": f"Fwd: {mail['subject']}", "body": mail["body"]})

    def label_mail(self, mail_id: str, label: str) -> JSON:
        self._find("mails", mail_id, "mail")["label"] = label
        return {"mail_id": mail_id, "label": label}

    def set_reminder(self, note: str, date: str, time: str | None) -> JSON:
        if time is not None:
            clock(time)
        reminder = {"note": note, "date": date} | ({"time": time} if time else {})
        reminder_id = self._new_id("RM", self._state["reminders"], reminder)
        self._state["reminders"][reminder_id] = reminder
        return {"reminder_id": reminder_id}

    def add_contact(self, name: str, email: str, company: JSON | None) -> JSON:
        refuse_unless("@" in email, "invalid_address", f"{email!r} is no mail address")
        self._state["contacts"][name] = email
        if company is not None:
            self._state["companies"][name] = company
        return {"name": name, "status": "added"}

    def _busy(self, attendees: list[str], date: str, start: int, minutes: int) -> str | None:
        for event in self._state["events"].values():
            begins = clock(event["time"])
            if event["date"] == date and begins < start + minutes and start < begins + event["minutes"]:
                for attendee in attendees:
                    if attendee in event["attendees"]:
                        return attendee
        return None

    def _send(self, mail: JSON) -> JSON:
        sent_id = self._new_id("SM", self._state["sent"], mail)
        self._state["sent"][sent_id] = mail
        return {"sent_id": sent_id}

    TOOLS = (
        Tool(find_contact, "Look up a person's mail address.", {"name": STRING}),
        Tool(list_events, "List the events of one day.", {"date": DATE}, {"attendee": text("mail address")}),
        Tool(
            find_free_time,
            "When everybody is free on one day.",
            {"attendees": array(text("mail address")), "date": DATE, "minutes": whole(15, 480)},
        ),
        Tool(
            create_event,
            "Put a meeting into the calendar.",
            {
                "title": STRING,
                "date": DATE,
                "time": text("HH:MM"),
                "minutes": whole(15, 480),
                "attendees": array(text("mail address")),
            },
            {"place": STRING},
        ),
        Tool(
            move_event,
            "Move an event to another time.",
            {"event_id": STRING, "date": DATE, "time": text("HH:MM")},
        ),
        Tool(
            cancel_event,
            "Cancel an event.",
            {"event_id": STRING},
            {"notify": {**BOOLEAN, "default": True}},
        ),
        Tool(
            add_attendees,
            "Invite more people to an event.",
            {"event_id": STRING, "attendees": array(text("mail address"))},
        ),
        Tool(search_mail, "Search received mail.", {}, {"sender": STRING, "subject": STRING}),
        Tool(read_mail, "Read one mail.", {"mail_id": STRING}),
        Tool(
            send_mail,
            "Send a new mail.",
            {"to": array(text("mail address")), "subject": STRING, "body": STRING},
        ),
        Tool(reply_mail, "Answer a received mail.", {"mail_id": STRING, "body": STRING}),
        Tool(forward_mail, "Pass a mail on.", {"mail_id": STRING, "to": array(text("mail address"))}),
        Tool(label_mail, "Put a label on a mail.", {"mail_id": STRING, "label": enum(*LABELS)}),
        Tool(
            set_reminder,
            "Remind the user of something.",
            {"note": STRING, "date": DATE},
            {"time": text("HH:MM")},
        ),
        Tool(
            add_contact,
            "Add a person to the address book.",
            {"name": STRING, "email": STRING},
            {"company": record({"name": STRING, "city": STRING})},
        ),
    )

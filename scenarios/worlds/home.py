"""A house with lights, heating, blinds, doors, speakers and routines. Held out for `novel-tools`."""

from __future__ import annotations

from lab.scenarios.worlds.base import (
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

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TINTS = ("warm", "neutral", "cold")


class Home(World):
    """State: `gadgets` (id -> room, kind, and what it is set to), `sensors`, `zones` (name -> celsius),
    `routines`, `guests` (by id), `alarm`, `low_battery` (ids)."""

    name = "home"
    role = "smart-home assistant"

    def survey_room(self, room: str) -> JSON:
        found = [
            {"gadget_id": id_, "kind": gadget["kind"]}
            for id_, gadget in self._state["gadgets"].items()
            if gadget["room"] == room
        ]
        refuse_unless(found, "not_found", f"no gadgets in {room!r}")
        return {"gadgets": found}

    def dim_lamp(self, gadget_id: str, brightness: int, tint: str | None) -> JSON:
        lamp = self._gadget(gadget_id, "lamp")
        lamp["brightness"] = brightness
        if tint is not None:
            lamp["tint"] = tint
        return {"gadget_id": gadget_id, "brightness": brightness}

    def warm_zone(self, zone: str, celsius: float, until: str | None) -> JSON:
        self._find("zones", zone, "zone")
        refuse_unless(5 <= celsius <= 28, "out_of_range", "between 5 and 28 degrees")
        if until is not None:
            clock(until)
        self._state["zones"][zone] = {"celsius": celsius} | ({"until": until} if until else {})
        return {"zone": zone, "celsius": celsius}

    def shift_blind(self, gadget_id: str, openness: int) -> JSON:
        self._gadget(gadget_id, "blind")["openness"] = openness
        return {"gadget_id": gadget_id, "openness": openness}

    def bolt_door(self, gadget_id: str, bolted: bool) -> JSON:
        self._gadget(gadget_id, "door")["bolted"] = bolted
        return {"gadget_id": gadget_id, "bolted": bolted}

    def stream_audio(self, gadget_id: str, station: str, volume: int) -> JSON:
        speaker = self._gadget(gadget_id, "speaker")
        speaker["station"], speaker["volume"] = station, volume
        return {"gadget_id": gadget_id, "playing": station}

    def probe_sensor(self, sensor_id: str) -> JSON:
        sensor = self._find("sensors", sensor_id, "sensor")
        return {"quantity": sensor["quantity"], "reading": sensor["reading"]}

    def send_mower(self, duration_min: int, areas: list[str]) -> JSON:
        self._state["mower"] = {"duration_min": duration_min, "areas": areas}
        return {"status": "mowing", "duration_min": duration_min}

    def arm_alarm(self, guard: str) -> JSON:
        open_doors = sorted(
            id_
            for id_, gadget in self._state["gadgets"].items()
            if gadget["kind"] == "door" and not gadget.get("bolted")
        )
        refuse_unless(not open_doors, "door_open", f"{', '.join(open_doors)} is not bolted")
        self._state["alarm"] = guard
        return {"alarm": guard}

    def craft_routine(self, caption: str, trigger: JSON, steps: list[str]) -> JSON:
        clock(trigger["at"])
        routine = {"caption": caption, "trigger": trigger, "steps": steps}
        routine_id = self._new_id("RTN", self._state["routines"], routine)
        self._state["routines"][routine_id] = routine
        return {"routine_id": routine_id}

    def admit_guest(self, visitor: str, pin: str, doors: list[str]) -> JSON:
        for door in doors:
            self._gadget(door, "door")
        refuse_unless(pin.isascii() and pin.isdigit() and len(pin) == 6, "bad_pin", "a pin has six digits")
        guest_id = self._new_id("GST", self._state["guests"], visitor, pin, doors)
        self._state["guests"][guest_id] = {"visitor": visitor, "pin": pin, "doors": doors}
        return {"guest_id": guest_id}

    def _gadget(self, gadget_id: str, kind: str) -> JSON:
        gadget: JSON = self._find("gadgets", gadget_id, "gadget")
        refuse_unless(gadget["kind"] == kind, "wrong_kind", f"{gadget_id} is a {gadget['kind']}")
        low = gadget_id in self._state["low_battery"]
        refuse_unless(not low, "low_battery", f"{gadget_id} does not answer: its battery is empty")
        return gadget

    TOOLS = (
        Tool(survey_room, "List the gadgets in a room.", {"room": STRING}),
        Tool(
            dim_lamp,
            "Set a lamp's brightness; 0 is off.",
            {"gadget_id": STRING, "brightness": whole(0, 100)},
            {"tint": enum(*TINTS)},
        ),
        Tool(
            warm_zone,
            "Heat a zone of the house.",
            {"zone": STRING, "celsius": {"type": "number"}},
            {"until": text("HH:MM")},
        ),
        Tool(
            shift_blind,
            "Open or close a blind; 100 is fully open.",
            {"gadget_id": STRING, "openness": whole(0, 100)},
        ),
        Tool(bolt_door, "Bolt or unbolt a door.", {"gadget_id": STRING, "bolted": {"type": "boolean"}}),
        Tool(
            stream_audio,
            "Play a radio station on a speaker.",
            {"gadget_id": STRING, "station": STRING},
            {"volume": whole(0, 100, 30)},
        ),
        Tool(probe_sensor, "Read a sensor.", {"sensor_id": STRING}),
        Tool(
            send_mower,
            "Send the mower out.",
            {"duration_min": whole(5, 240), "areas": array(enum("front", "back", "orchard"))},
        ),
        Tool(arm_alarm, "Arm the alarm once all doors are bolted.", {"guard": enum("night", "away")}),
        Tool(
            craft_routine,
            "Make a routine that runs at a time on some days.",
            {
                "caption": STRING,
                "trigger": record({"at": text("HH:MM"), "days": array(enum(*DAYS))}),
                "steps": array(STRING),
            },
        ),
        Tool(
            admit_guest,
            "Give a guest a pin for some doors.",
            {"visitor": STRING, "pin": text("six digits"), "doors": array(text("gadget id"))},
        ),
    )

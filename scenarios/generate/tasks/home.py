"""Requests to a smart-home assistant: a held-out world, so all phrases belong to the test split."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import words
from lab.scenarios.generate.script import Script, Task, norm, unordered
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import listed
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.home import DAYS, TINTS

ROOMS = words(
    """attic basement bathroom bedroom cellar conservatory corridor den dining_room foyer garage
    greenhouse hall kitchen landing larder laundry library loft lounge nursery pantry parlour porch
    sauna studio study sunroom terrace utility_room veranda workshop"""
)
STATIONS = words(
    """Blue_Note_FM Cafe_Jazz City_Beat Classic_Hour Coast_Radio Folk_Wave Forest_Sounds Gold_Eighties
    Harbour_Talk Indie_Lane Kids_Corner Late_Lounge Latin_Heat Metro_News Morning_Brew Night_Owl
    Opera_House_FM Piano_Room Quiet_Waves Rock_Yard Science_Talk Soul_Kitchen Sports_Desk
    Sunday_Strings"""
)
LABELS = words(
    """good_morning school_run movie_time bedtime leaving_home sunday_brunch holiday_mode reading_hour
    dinner_party garden_care wake_gently quiet_time deep_clean yoga_start homework early_bird"""
)
STEPS = words(
    """open_the_blinds start_the_kettle switch_on_the_radio dim_the_lamps warm_the_bathroom
    close_the_shutters read_the_news feed_the_fish water_the_ferns lock_the_garage air_the_bedroom
    charge_the_mower run_the_dryer mute_the_doorbell heat_the_sauna empty_the_hamper
    start_the_dishwasher turn_on_the_fountain hide_the_screens play_birdsong light_the_porch
    cool_the_pantry wind_the_clock check_the_mailbox"""
)
WHENS = {"every weekday": DAYS[:5], "at the weekend": DAYS[5:], "on Mondays and Thursdays": ("mon", "thu")}


def base(_: Values) -> JSON:
    """A house without gadgets."""
    tables: JSON = {table: {} for table in ("gadgets", "sensors", "zones", "routines", "guests")}
    return tables | {"alarm": "off", "low_battery": []}


def _gadget(s: Script, room: str, kind: str) -> str:
    gadget = s.v.id_(f"{kind[0].upper()}X-")
    s.state["gadgets"][gadget] = {"room": room, "kind": kind} | ({"bolted": True} if kind == "door" else {})
    return gadget


def _tint(s: Script) -> tuple[str, JSON]:
    tint = s.v.choice((None, *TINTS))
    return (f" with a {tint} tint", {"tint": tint}) if tint else ("", {})


def lamp(s: Script) -> Iterator[None]:
    room, level, (tint, wish) = s.v.pick(ROOMS), s.v.count(5, 100), _tint(s)
    gadget = _gadget(s, room, "lamp")
    _gadget(s, room, "speaker")
    yield
    s.ask("lamp", room=room, level=level, tint=tint)
    s.call("survey_room", room=room)
    s.call("dim_lamp", gadget_id=gadget, brightness=level, **wish)
    s.say(f"Lamp {gadget} is at {level} percent.", gadget, lamp_id=gadget)


def scene(s: Script) -> Iterator[None]:
    room, level, openness = s.v.pick(ROOMS), s.v.count(5, 100), s.v.count(0, 100)
    first, second = _gadget(s, room, "lamp"), _gadget(s, room, "blind")
    yield
    s.ask("scene", room=room, level=level, openness=openness)
    s.call("survey_room", room=room)
    s.together(
        ("dim_lamp", {"gadget_id": first, "brightness": level}),
        ("shift_blind", {"gadget_id": second, "openness": openness}),
    )
    s.say(f"{first} is at {level} percent and {second} at {openness}.", first, second)


def music(s: Script) -> Iterator[None]:
    room, station, volume = s.v.pick(ROOMS), s.v.pick(STATIONS), s.v.count(10, 90)
    gadget = _gadget(s, room, "speaker")
    _gadget(s, room, "blind")
    yield
    s.ask("music", station=station, room=room, volume=volume)
    s.call("survey_room", room=room)
    s.call("stream_audio", gadget_id=gadget, station=norm(station), volume=volume)
    s.say(f"{station} plays on {gadget}.", station)


def zones(s: Script) -> Iterator[None]:
    first, second, a, b = s.v.pick(ROOMS), s.v.pick(ROOMS), s.v.count(14, 24), s.v.count(14, 24)
    s.state["zones"] |= {first: {"celsius": 17}, second: {"celsius": 17}}
    yield
    s.ask("zones", first=first, second=second, a=a, b=b)
    s.together(("warm_zone", {"zone": first, "celsius": a}), ("warm_zone", {"zone": second, "celsius": b}))
    s.say(f"{first} is set to {a} and {second} to {b} degrees.", a, b)


def sensors(s: Script) -> Iterator[None]:
    ids = [s.v.id_("SN-") for _ in range(s.v.count(2, 4))]
    for sensor in ids:
        s.state["sensors"][sensor] = {
            "quantity": s.v.choice(("humidity", "CO2", "noise")),
            "reading": s.v.count(20, 900),
        }
    yield
    s.ask("sensors", sensors=ids)
    found = s.together(*(("probe_sensor", {"sensor_id": sensor}) for sensor in ids))
    told = [
        f"{sensor}: {each['quantity']} {each['reading']}" for sensor, each in zip(ids, found, strict=True)
    ]
    s.say(f"{'; '.join(told)}.", *(each["reading"] for each in found))


def alarm(s: Script) -> Iterator[None]:
    level, door = s.v.choice(("night", "away")), _gadget(s, s.v.pick(ROOMS), "door")
    s.state["gadgets"][door]["bolted"] = False
    yield
    s.ask("alarm", level=level)
    s.refused("door_open", "arm_alarm", guard=level)
    s.call("bolt_door", gadget_id=door, bolted=True)
    s.call("arm_alarm", guard=level)
    s.say(f"Door {door} was open; it is bolted and the alarm is armed.", door, door_id=door)


def battery(s: Script) -> Iterator[None]:
    room, level = s.v.pick(ROOMS), s.v.count(5, 100)
    first, second = _gadget(s, room, "lamp"), _gadget(s, room, "lamp")
    s.state["low_battery"].append(first)
    yield
    s.ask("battery", first=first, second=second, level=level)
    s.refused("low_battery", "dim_lamp", gadget_id=first, brightness=level)
    s.call("dim_lamp", gadget_id=second, brightness=level)
    s.say(f"{first} has an empty battery, so {second} is at {level} percent.", second)


def routine(s: Script) -> Iterator[None]:
    label, at, (when, days) = s.v.pick(LABELS), s.v.time(), s.v.choice(tuple(WHENS.items()))
    steps = [s.v.pick(STEPS) for _ in range(s.v.count(1, 3))]
    yield
    s.ask("routine", label=label, when=when, at=at, steps=", ".join(steps))
    made = s.call("craft_routine", caption=norm(label), trigger={"at": at, "days": list(days)}, steps=steps)
    s.say(f"The routine is {made['routine_id']}.", made["routine_id"], routine_id=made["routine_id"])


def guest(s: Script) -> Iterator[None]:
    name, pin = s.v.person(), str(s.v.number(100_000, 999_999))
    doors = [_gadget(s, s.v.pick(ROOMS), "door") for _ in range(s.v.count(1, 2))]
    yield
    s.ask("guest", guest=name)
    s.show("admit_guest")
    s.say("Which pin (six digits), and for which doors?")
    s.ask("pin", pin=pin, doors=doors)
    made = s.call("admit_guest", visitor=name, pin=pin, doors=unordered(doors))
    s.say(f"{name} can enter: {made['guest_id']}.", made["guest_id"])


def mow(s: Script) -> Iterator[None]:
    areas, minutes = s.v.some(("front", "back", "orchard"), 1, 2), s.v.choice((15, 20, 30, 45, 60, 90))
    yield
    s.ask("mow", areas=areas, minutes=minutes)
    s.call("send_mower", duration_min=minutes, areas=unordered(areas))
    s.say(f"The mower is out for {minutes} minutes: {listed(areas)}.", minutes)


def follow_up(s: Script) -> Iterator[None]:
    room, level, openness = s.v.pick(ROOMS), s.v.count(5, 100), s.v.count(0, 100)
    first, door, blind = (_gadget(s, room, kind) for kind in ("lamp", "door", "blind"))
    yield
    s.ask("lamp", room=room, level=level, tint="")
    s.call("survey_room", room=room)
    s.call("dim_lamp", gadget_id=first, brightness=level)
    s.say(f"Lamp {first} is at {level} percent.", first)
    s.ask("then_door")
    s.call("bolt_door", gadget_id=door, bolted=True)
    s.say(f"{door} is bolted.", door)
    s.ask("then_blind", openness=openness)
    s.call("shift_blind", gadget_id=blind, openness=openness)
    s.say(f"{blind} is {openness} percent open.", blind)


TASKS = (
    Task(lamp, ("chain",), 3),
    Task(scene, ("chain",), 3),
    Task(music, ("chain",), 3),
    Task(zones, ("parallel",), 2),
    Task(sensors, ("parallel",), 2),
    Task(alarm, ("retry",), 4),
    Task(battery, ("retry",), 3),
    Task(routine, ("extraction",), 2),
    Task(guest, ("ambiguous",), 3),
    Task(mow, ("short",), 2),
    Task(follow_up, ("dialogue",), 7),
)

"""Requests to a travel assistant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from lab.scenarios.generate.pools import CITIES, words
from lab.scenarios.generate.script import Script, Task, unordered
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import day, listed, money
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.travel import CABINS, CARS, CURRENCIES

HOTELS = words(
    """Alpenrose Anchor_House Arcadia Astoria Bellevue Belmont Bristol_Inn Carlton Central_Lodge
    Chapel_Court Continental Corner_Inn Crown_Lodge Eden_Garden Excelsior Fjord_House Forum
    Garden_Court Gloria Grand_Pier Harbour_Lodge Imperial Kings_Arms Lakeside Liberty Lindenhof
    Majestic Marina_Bay Mercury Metropole Mirabel Aurora Bay_Tree Beacon_Inn Caledonia Cliffside
    Dolphin Embassy Falcon_Lodge Glasshouse Halcyon Ivory_Gate Juniper_Inn Kingfisher Lantern_House
    Meadow_Court Northern_Star Orangery Pavilion Quayside Rosewood Stag_Inn Three_Lions Union_Court
    Waterfront Nordlys Old_Mill Opera_House Palace_Court Panorama Parkview Pelican Regina Ritter
    Riverside Royal_Oak Savoy_Court Seaview Solaris Sternen Swan_Inn Terminus Tivoli Viktoria"""
)
PURPOSES = {"client": "a client visit", "conference": "a conference", "training": "a training"}


def base(v: Values) -> JSON:
    """An empty world with exchange rates."""
    rates = {"EUR": 1.0} | {currency: v.count(20, 190) / 100 for currency in CURRENCIES[1:]}
    empty: JSON = {table: {} for table in ("airports", "flights", "hotels", "bookings", "trips", "weather")}
    return empty | {"rates": rates}


def _flight(
    s: Script, origin: str, destination: str, on: date, *, seats: int = 9, stops: int | None = None
) -> str:
    v = s.v
    number = f"{''.join(v.rng.choices('ABDEFKLNSTUX', k=2))}{v.number(104, 9999)}"
    price = v.number(56, 640)
    fares = dict(zip(CABINS, (price, price + v.count(60, 160), price + v.count(200, 500)), strict=True))
    s.state["flights"][number] = {
        "origin": origin,
        "destination": destination,
        "date": on.isoformat(),
        "departs": v.time(),
        "stops": v.count(0, 2) if stops is None else stops,
        "seats": seats,
        "status": "on time",
        "gate": f"{v.choice('ABCD')}{v.count(1, 40)}",
        **fares,
    }
    return number


def _route(s: Script) -> tuple[str, str, str, str]:
    (origin, origin_code), (destination, destination_code) = s.v.pick(CITIES), s.v.pick(CITIES)
    s.state["airports"] |= {origin: origin_code, destination: destination_code}
    return origin, origin_code, destination, destination_code


def _cheapest(found: JSON, rows: str = "flights") -> JSON:
    best: JSON = min(found[rows], key=lambda row: float(row["price"]))
    return best


def _booked(s: Script, made: JSON, what: str) -> None:
    reference, total = made["reference"], made["total"]
    s.say(
        f"[Booked|Done|All set]: {what}, {total} EUR. [Your reference|The reference] is {reference}.",
        reference,
        booking_reference=reference,
    )


def book_codes(s: Script) -> Iterator[None]:
    v, (_, a, _, b), on, name = s.v, _route(s), s.v.date(), s.v.person()
    direct, cabin = v.chance(0.4), v.choice(CABINS)
    for stops in (0, 0, 1):
        _flight(s, a, b, on, stops=stops)
    yield
    said_cabin = "" if cabin == "economy" else f" in {cabin}"
    said_direct = " direct" if direct else ""
    s.ask("book_codes", origin=a, destination=b, date=on, name=name, cabin=said_cabin, direct=said_direct)
    wish = {} if cabin == "economy" else {"cabin": cabin}
    only = {"max_stops": 0} if direct else {}
    found = s.call("search_flights", origin=a, destination=b, date=on.isoformat(), **only, **wish)
    best = _cheapest(found)
    made = s.call("book_flight", flight_id=best["flight_id"], passengers=[name], **wish)
    _booked(s, made, f"{best['flight_id']} at {best['departs']}")


def book_cities(s: Script) -> Iterator[None]:
    (origin, a, destination, b), on, name = _route(s), s.v.date(), s.v.person()
    for _ in range(s.v.count(2, 3)):
        _flight(s, a, b, on)
    yield
    s.ask("book_cities", origin=origin, destination=destination, date=on, name=name)
    codes = s.together(("find_airport", {"city": origin}), ("find_airport", {"city": destination}))
    found = s.call(
        "search_flights", origin=codes[0]["code"], destination=codes[1]["code"], date=on.isoformat()
    )
    best = _cheapest(found)
    made = s.call("book_flight", flight_id=best["flight_id"], passengers=[name])
    _booked(s, made, f"{best['flight_id']} at {best['departs']}")


def _hotel(s: Script, city: str, rooms: int = 4) -> str:
    hotel_id = s.v.id_("HT")
    price = s.v.number(48, 230)
    stars = {hotel["stars"] for hotel in s.state["hotels"].values()}
    free = [n for n in range(1, 6) if n not in stars] or [3]
    hotel = {
        "city": city,
        "name": s.v.pick(HOTELS),
        "stars": s.v.choice(free),
        "price": price,
        "rooms": rooms,
    }
    s.state["hotels"][hotel_id] = hotel
    return hotel_id


def hotel(s: Script) -> Iterator[None]:
    v, (city, _), name = s.v, s.v.pick(CITIES), s.v.person()
    check_in = v.date()
    check_out, limit = v.later(check_in), v.number(232, 320)
    for _ in range(v.count(2, 3)):
        _hotel(s, city)
    _hotel(s, city)
    breakfast = v.chance(0.4)
    yield
    s.ask(
        "hotel",
        city=city,
        name=name,
        check_in=check_in,
        check_out=check_out,
        limit=limit,
        breakfast=", with breakfast" if breakfast else "",
    )
    dates = {"check_in": check_in.isoformat(), "check_out": check_out.isoformat()}
    found = s.call("search_hotels", city=city, **dates, max_price=limit)
    best = max(found["hotels"], key=lambda row: int(row["stars"]))
    wish = {"breakfast": True} if breakfast else {}
    made = s.call("book_hotel", hotel_id=best["hotel_id"], guest=name, **dates, **wish)
    _booked(s, made, f"{best['name']}, {best['stars']} stars")


def rebook(s: Script) -> Iterator[None]:
    v, (_, a, _, b), on, reference = s.v, _route(s), s.v.date(), s.v.id_("FB")
    old = _flight(s, a, b, on, seats=0)
    new = _flight(s, a, b, on)
    cancelled = v.chance(0.75)
    s.state["flights"][old]["status"] = "cancelled" if cancelled else "on time"
    s.state["bookings"][reference] = {
        "kind": "flight",
        "item": old,
        "names": [v.person()],
        "total": v.number(80, 400),
    }
    yield
    s.ask("rebook", flight=old, reference=reference, origin=a, destination=b, date=on)
    status = s.call("flight_status", flight_id=old)
    if not cancelled:
        s.say(
            f"{old} is on time: it leaves at {status['departs']} from gate {status['gate']}.", status["gate"]
        )
        return
    s.call("search_flights", origin=a, destination=b, date=on.isoformat())
    made = s.call("change_flight", reference=reference, flight_id=new)
    s.say(
        f"{old} is cancelled, so {reference} is now on {new} at {made['departs']}. The fee is "
        f"{made['fee']} EUR.",
        new,
    )


def weather(s: Script) -> Iterator[None]:
    v, on = s.v, s.v.date(1, 10)
    cities = [v.pick(CITIES)[0] for _ in range(v.count(2, 4))]
    for city in cities:
        forecast = {"celsius": v.count(-8, 34), "sky": v.choice(("sun", "cloud", "rain", "snow"))}
        s.state["weather"].setdefault(city, {})[on.isoformat()] = forecast
    yield
    s.ask("weather", cities=cities, date=on)
    found = s.together(*(("get_forecast", {"city": city, "date": on.isoformat()}) for city in cities))
    told = [f"{city} {f['celsius']} °C, {f['sky']}" for city, f in zip(cities, found, strict=True)]
    s.say(f"[Forecast for|On] {day(on.isoformat())}: {'; '.join(told)}.", *(f["celsius"] for f in found))


def convert(s: Script) -> Iterator[None]:
    v = s.v
    source, *targets = v.some(CURRENCIES, 3, 4)
    amount = v.amount(20, 3000)
    yield
    s.ask("convert", amount=amount, source=source, targets=targets)
    found = s.together(
        *(("convert_currency", {"amount": amount, "source": source, "target": target}) for target in targets)
    )
    told = [f"{money(each['amount'])} {each['currency']}" for each in found]
    s.say(f"{money(amount)} {source} [is|makes] {listed(told)}.", *told)


def sold_out(s: Script) -> Iterator[None]:
    (_, a, _, b), on, name = _route(s), s.v.date(), s.v.person()
    first, second = _flight(s, a, b, on, seats=0), _flight(s, a, b, on)
    yield
    s.ask("sold_out", first=first, second=second, name=name)
    s.refused("sold_out", "book_flight", flight_id=first, passengers=[name])
    made = s.call("book_flight", flight_id=second, passengers=[name])
    _booked(s, made, f"{first} was full, so {second}")


def hotel_full(s: Script) -> Iterator[None]:
    v, (city, _), name, check_in = s.v, s.v.pick(CITIES), s.v.person(), s.v.date()
    check_out = v.later(check_in)
    first = _hotel(s, city, rooms=0)
    _hotel(s, city)
    _hotel(s, city)
    s.state["hotels"][first]["price"] = 47  # Below any other, so that the full one must be passed over.
    yield
    dates = {"check_in": check_in.isoformat(), "check_out": check_out.isoformat()}
    s.ask("hotel_full", first=first, name=name, city=city, check_in=check_in, check_out=check_out)
    s.refused("sold_out", "book_hotel", hotel_id=first, guest=name, **dates)
    found = s.call("search_hotels", city=city, **dates)
    best = _cheapest({"hotels": [row for row in found["hotels"] if row["hotel_id"] != first]}, "hotels")
    made = s.call("book_hotel", hotel_id=best["hotel_id"], guest=name, **dates)
    _booked(s, made, f"{first} is full, so {best['name']}")


def report(s: Script) -> Iterator[None]:
    v, name, legs, said = s.v, s.v.person(), [], []
    on = v.date(-40, -20)
    for _ in range(v.count(1, 3)):
        flight = f"{''.join(v.rng.choices('ABDEFKLNSTUX', k=2))}{v.number(104, 9999)}"
        legs.append({"flight": flight, "date": on.isoformat()})
        said.append(f"{flight} on {day(on.isoformat())}")
        on = v.later(on, 1, 4)
    cost = {"amount": v.amount(90, 2400), "currency": v.choice(CURRENCIES)}
    purpose = v.choice((None, *PURPOSES))
    yield
    words_ = f" It was for {PURPOSES[purpose]}." if purpose else ""
    s.ask("report", name=name, legs=said, cost=cost["amount"], currency=cost["currency"], purpose=words_)
    wish = {"purpose": purpose} if purpose else {}
    made = s.call("log_trip", traveller=name, legs=legs, cost=cost, **wish)
    s.say(f"[Filed|Logged] as {made['trip_id']}.", made["trip_id"], trip_number=made["trip_id"])


def car(s: Script) -> Iterator[None]:
    v, (city, _), name, pick_up = s.v, s.v.pick(CITIES), s.v.person(), s.v.date()
    drop_off, category, age = v.later(pick_up), v.choice(CARS), v.count(22, 70)
    yield
    s.ask("car_missing", city=city, pick_up=pick_up, drop_off=drop_off)
    s.show("rent_car")
    s.say(
        "[Which category|Which kind of car] (compact, estate, van or electric), and who drives, at what age?"
    )
    said = f"{'an' if category[0] == 'e' else 'a'} {category}"
    s.ask("car_details", category=said, name=name, age=age)
    made = s.call(
        "rent_car",
        city=city,
        pick_up=pick_up.isoformat(),
        drop_off=drop_off.isoformat(),
        category=category,
        driver={"name": name, "age": age},
    )
    _booked(s, made, f"{said} in {city}")


def status(s: Script) -> Iterator[None]:
    (_, a, _, b), on = _route(s), s.v.date(0, 3)
    flight = _flight(s, a, b, on)
    s.state["flights"][flight]["status"] = s.v.choice(("on time", "delayed", "boarding"))
    yield
    s.ask("status", flight=flight)
    s.show("search_flights", "flight_status", "change_flight")
    found = s.call("flight_status", flight_id=flight)
    told = f"{flight} is {found['status']}, gate {found['gate']}, departure {found['departs']}."
    s.say(told, found["gate"], gate=found["gate"])


def cancel(s: Script) -> Iterator[None]:
    reference, where = s.v.id_("HB"), s.v.choice(("card", "voucher"))
    stay = {"kind": "hotel", "item": s.v.id_("HT"), "names": [s.v.person()], "total": s.v.number(90, 900)}
    s.state["bookings"][reference] = stay
    yield
    s.ask("cancel", reference=reference, where=f"{'my' if where == 'card' else 'a'} {where}")
    s.show("change_flight", "cancel_booking")
    made = s.call("cancel_booking", reference=reference, refund_to=where)
    s.say(f"{reference} is cancelled. {made['refund']} EUR go to your {where}.", made["refund"])


def choose_and_undo(s: Script) -> Iterator[None]:
    v, (_, a, _, b), on, name = s.v, _route(s), s.v.date(), s.v.person()
    for _ in range(3):
        _flight(s, a, b, on)
    seat, where, undo = v.choice(("window", "aisle")), v.choice(("card", "voucher")), v.chance(0.6)
    yield
    s.ask("list_flights", origin=a, destination=b, date=on, cabin="")
    found = s.call("search_flights", origin=a, destination=b, date=on.isoformat())["flights"]
    told = [f"{row['flight_id']} at {row['departs']} for {row['price']} EUR" for row in found]
    s.say(f"[There are|I found]: {'; '.join(told)}.")
    times = [row["departs"] for row in found]
    chosen = v.choice([row for row in found if times.count(row["departs"]) == 1] or found[:1])
    s.ask("take_it", departs=chosen["departs"], name=name, seat=seat)
    made = s.call("book_flight", flight_id=chosen["flight_id"], passengers=[name], seat=seat)
    _booked(s, made, chosen["flight_id"])
    if undo:
        s.ask("undo", where=where)
        s.call("cancel_booking", reference=made["reference"], refund_to=where)
        s.say(f"{made['reference']} is cancelled; the refund goes to your {where}.", made["reference"])


def group(s: Script) -> Iterator[None]:
    (_, a, _, b), on = _route(s), s.v.date()
    names = [s.v.person() for _ in range(2)]
    flight = _flight(s, a, b, on)
    yield
    s.ask("sold_out_group", flight=flight, names=names)
    made = s.call("book_flight", flight_id=flight, passengers=unordered(names))
    _booked(s, made, flight)


def trip(s: Script) -> Iterator[None]:
    v, (origin, a, destination, b), name, there = s.v, _route(s), s.v.person(), s.v.date()
    back, limit = v.later(there), v.number(232, 320)
    for _ in range(2):
        _flight(s, a, b, there)
        _hotel(s, destination)
    yield
    s.ask("trip", origin=origin, destination=destination, date=there, check_out=back, name=name, limit=limit)
    codes = s.together(("find_airport", {"city": origin}), ("find_airport", {"city": destination}))
    found = s.call(
        "search_flights", origin=codes[0]["code"], destination=codes[1]["code"], date=there.isoformat()
    )
    flight = s.call("book_flight", flight_id=_cheapest(found)["flight_id"], passengers=[name])
    dates = {"check_in": there.isoformat(), "check_out": back.isoformat()}
    hotels = s.call("search_hotels", city=destination, **dates, max_price=limit)
    stay = s.call("book_hotel", hotel_id=_cheapest(hotels, "hotels")["hotel_id"], guest=name, **dates)
    s.say(
        f"[All booked|Done]: flight {flight['reference']} and hotel {stay['reference']}.",
        flight["reference"],
        stay["reference"],
        flight_reference=flight["reference"],
        hotel_reference=stay["reference"],
    )


TASKS = (
    Task(book_codes, ("chain",), 3),
    Task(book_cities, ("chain",), 4),
    Task(hotel, ("chain",), 3),
    Task(trip, ("chain",), 6),
    Task(rebook, ("chain",), 4),
    Task(weather, ("parallel",), 2),
    Task(convert, ("parallel",), 2),
    Task(sold_out, ("retry",), 3),
    Task(hotel_full, ("retry",), 4),
    Task(report, ("extraction",), 2),
    Task(car, ("ambiguous",), 3),
    Task(status, ("ambiguous", "short"), 2),
    Task(cancel, ("ambiguous", "short"), 2),
    Task(group, ("short",), 2),
    Task(choose_and_undo, ("dialogue",), 6),
)

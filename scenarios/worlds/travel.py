"""Flights, hotels, cars, weather and money for a traveller."""

from __future__ import annotations

from datetime import date as Date

from lab.scenarios.worlds.base import (
    BOOLEAN,
    DATE,
    JSON,
    NUMBER,
    STRING,
    Tool,
    ToolError,
    World,
    array,
    enum,
    record,
    refuse_unless,
    text,
    whole,
)

CABINS = ("economy", "premium", "business")
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "SEK")
CARS = ("compact", "estate", "van", "electric")
CHANGE_FEE = 45


class Travel(World):
    """State: `airports` (city -> code), `flights`, `hotels`, `bookings`, `trips` (by id), `weather`
    (city -> date -> forecast), `rates` (currency -> EUR)."""

    name = "travel"
    role = "travel assistant"

    def find_airport(self, city: str) -> JSON:
        return {"city": city, "code": self._find("airports", city, "airport in")}

    def search_flights(
        self, origin: str, destination: str, date: str, max_stops: int | None, cabin: str
    ) -> JSON:
        flights = [
            {key: flight[key] for key in ("departs", "stops")} | {"flight_id": id_, "price": flight[cabin]}
            for id_, flight in self._state["flights"].items()
            if (flight["origin"], flight["destination"], flight["date"]) == (origin, destination, date)
            and (max_stops is None or flight["stops"] <= max_stops)
        ]
        return {"flights": flights}

    def flight_status(self, flight_id: str) -> JSON:
        flight = self._find("flights", flight_id, "flight")
        return {key: flight[key] for key in ("status", "gate", "departs")}

    def book_flight(self, flight_id: str, passengers: list[str], cabin: str, seat: str | None) -> JSON:
        flight = self._find("flights", flight_id, "flight")
        left = flight["seats"]
        refuse_unless(left >= len(passengers), "sold_out", f"{flight_id} has {left} seats left")
        total = flight[cabin] * len(passengers)
        reference = self._new_id("FB", self._state["bookings"], flight_id, passengers, cabin, seat)
        flight["seats"] -= len(passengers)
        booking = {"kind": "flight", "item": flight_id, "names": passengers, "cabin": cabin, "total": total}
        self._state["bookings"][reference] = booking | ({"seat": seat} if seat else {})
        return {"reference": reference, "total": total}

    def change_flight(self, reference: str, flight_id: str) -> JSON:
        booking = self._booking(reference, "flight")
        flight = self._find("flights", flight_id, "flight")
        refuse_unless(flight["seats"] >= len(booking["names"]), "sold_out", f"{flight_id} has no seats left")
        flight["seats"] -= len(booking["names"])
        booking["item"] = flight_id
        return {"reference": reference, "departs": flight["departs"], "fee": CHANGE_FEE}

    def cancel_booking(self, reference: str, refund_to: str) -> JSON:
        booking = self._booking(reference, None)
        booking["cancelled"] = refund_to
        return {"reference": reference, "refund": booking["total"]}

    def search_hotels(self, city: str, check_in: str, check_out: str, max_price: float | None) -> JSON:
        _nights(check_in, check_out)
        hotels = [
            {"hotel_id": id_, "name": hotel["name"], "stars": hotel["stars"], "price": hotel["price"]}
            for id_, hotel in self._state["hotels"].items()
            if hotel["city"] == city and (max_price is None or hotel["price"] <= max_price)
        ]
        return {"hotels": hotels}

    def book_hotel(self, hotel_id: str, guest: str, check_in: str, check_out: str, breakfast: bool) -> JSON:
        hotel = self._find("hotels", hotel_id, "hotel")
        refuse_unless(hotel["rooms"] > 0, "sold_out", f"{hotel['name']} has no rooms left")
        total = hotel["price"] * _nights(check_in, check_out)
        reference = self._new_id("HB", self._state["bookings"], hotel_id, guest, check_in, check_out)
        hotel["rooms"] -= 1
        stay = {"check_in": check_in, "check_out": check_out, "breakfast": breakfast}
        booking = {"kind": "hotel", "item": hotel_id, "names": [guest], "total": total} | stay
        self._state["bookings"][reference] = booking
        return {"reference": reference, "total": total}

    def rent_car(self, city: str, pick_up: str, drop_off: str, category: str, driver: JSON) -> JSON:
        days = _nights(pick_up, drop_off)
        refuse_unless(driver["age"] >= 21, "too_young", "drivers must be at least 21")
        total = days * (30 + 15 * CARS.index(category))
        reference = self._new_id("CR", self._state["bookings"], city, pick_up, drop_off, category, driver)
        dates = {"pick_up": pick_up, "drop_off": drop_off}
        booking = {"kind": "car", "item": category, "city": city, "names": [driver["name"]]}
        self._state["bookings"][reference] = booking | {"total": total} | dates
        return {"reference": reference, "total": total}

    def get_forecast(self, city: str, date: str) -> JSON:
        forecast: JSON | None = self._find("weather", city, "forecast for").get(date)
        if forecast is None:
            raise ToolError("not_found", f"no forecast for {city} on {date}")
        return forecast

    def convert_currency(self, amount: float, source: str, target: str) -> JSON:
        rates = self._state["rates"]
        return {"amount": round(amount * rates[source] / rates[target], 2), "currency": target}

    def log_trip(self, traveller: str, legs: list[JSON], cost: JSON, purpose: str | None) -> JSON:
        trip = {"traveller": traveller, "legs": legs, "cost": cost} | (
            {"purpose": purpose} if purpose else {}
        )
        trip_id = self._new_id("TR", self._state["trips"], trip)
        self._state["trips"][trip_id] = trip
        return {"trip_id": trip_id}

    def _booking(self, reference: str, kind: str | None) -> JSON:
        booking: JSON = self._find("bookings", reference, "booking")
        refuse_unless(kind in (None, booking["kind"]), "wrong_kind", f"{reference} is no {kind} booking")
        refuse_unless("cancelled" not in booking, "already_cancelled", f"{reference} is cancelled")
        return booking

    TOOLS = (
        Tool(find_airport, "Look up the IATA code of a city's airport.", {"city": STRING}),
        Tool(
            search_flights,
            "List flights between two airports on one day.",
            {"origin": text("IATA code"), "destination": text("IATA code"), "date": DATE},
            {"max_stops": whole(0, 3), "cabin": enum(*CABINS, default="economy")},
        ),
        Tool(flight_status, "Live status and gate of a flight.", {"flight_id": STRING}),
        Tool(
            book_flight,
            "Book seats on a flight.",
            {"flight_id": STRING, "passengers": array(STRING)},
            {"cabin": enum(*CABINS, default="economy"), "seat": enum("window", "aisle")},
        ),
        Tool(
            change_flight,
            "Move an existing flight booking to another flight.",
            {"reference": STRING, "flight_id": text("the new flight")},
        ),
        Tool(
            cancel_booking,
            "Cancel a flight, hotel or car booking.",
            {"reference": STRING, "refund_to": enum("card", "voucher")},
        ),
        Tool(
            search_hotels,
            "List hotels with their price a night.",
            {"city": STRING, "check_in": DATE, "check_out": DATE},
            {"max_price": NUMBER},
        ),
        Tool(
            book_hotel,
            "Book a hotel room.",
            {"hotel_id": STRING, "guest": STRING, "check_in": DATE, "check_out": DATE},
            {"breakfast": {**BOOLEAN, "default": False}},
        ),
        Tool(
            rent_car,
            "Rent a car in a city.",
            {
                "city": STRING,
                "pick_up": DATE,
                "drop_off": DATE,
                "category": enum(*CARS),
                "driver": record({"name": STRING, "age": whole(16, 99)}),
            },
        ),
        Tool(get_forecast, "Weather forecast for a city on one day.", {"city": STRING, "date": DATE}),
        Tool(
            convert_currency,
            "Convert an amount of money.",
            {"amount": NUMBER, "source": enum(*CURRENCIES), "target": enum(*CURRENCIES)},
        ),
        Tool(
            log_trip,
            "File a finished trip for the travel records.",
            {
                "traveller": STRING,
                "legs": array(record({"flight": STRING, "date": DATE})),
                "cost": record({"amount": NUMBER, "currency": enum(*CURRENCIES)}),
            },
            {"purpose": enum("client", "conference", "training")},
        ),
    )


def _nights(first: str, last: str) -> int:
    nights = (Date.fromisoformat(last) - Date.fromisoformat(first)).days
    refuse_unless(nights > 0, "invalid_dates", f"{last} is not after {first}")
    return nights

"""What the small databases are about. Themes, and so table and column names, belong to one split."""

from __future__ import annotations

from dataclasses import dataclass

from lab.scenarios.generate.pools import words
from lab.scenarios.generate.values import Split


@dataclass(frozen=True, slots=True)
class Theme:
    """A main table of named things with a group, a measure and a day, and a small table it refers to.

    Attributes:
        table, name, group, measure, day: the main table and its columns.
        groups: the values of `group`.
        other, key, label: the other table, the main table's column that refers to it, and the other's
            column that names a row.
        high: the largest value of `measure`.
    """

    table: str
    name: str
    group: str
    groups: tuple[str, ...]
    measure: str
    day: str
    other: str
    key: str
    label: str
    high: int


def _theme(table: str, columns: str, groups: str, other: str, high: int) -> Theme:
    name, group, measure, day = columns.split()
    second, key, label = other.split()
    return Theme(table, name, group, words(groups), measure, day, second, key, label, high)


THEMES: dict[Split, tuple[Theme, ...]] = {
    "train": (
        _theme(
            "loans",
            "borrower branch days_out borrowed_on",
            "North Harbor Old_Town Campus",
            "shelves shelf_id shelf_code",
            90,
        ),
        _theme(
            "tickets",
            "requester state wait_minutes opened_on",
            "open closed waiting",
            "agents agent_id agent_name",
            480,
        ),
        _theme(
            "sales",
            "buyer region units sold_on",
            "east west south coast",
            "products product_id product_name",
            300,
        ),
        _theme(
            "trips",
            "driver_name purpose kilometers driven_on",
            "delivery visit service transfer",
            "vehicles vehicle_id plate",
            900,
        ),
        _theme(
            "bookings",
            "guest_name room_type nights arrives_on",
            "single double suite family",
            "houses house_id house_name",
            21,
        ),
        _theme(
            "grants",
            "researcher faculty euros awarded_on",
            "biology physics history law",
            "funds fund_id fund_title",
            9000,
        ),
        _theme(
            "repairs",
            "customer_name device_kind cost repaired_on",
            "phone laptop tablet camera",
            "benches bench_id bench_tag",
            700,
        ),
        _theme(
            "exams",
            "student subject points taken_on",
            "algebra botany drawing Latin",
            "rooms room_id room_number",
            100,
        ),
        _theme(
            "shipments",
            "recipient carrier kilograms sent_on",
            "air rail road sea",
            "depots depot_id depot_town",
            800,
        ),
        _theme(
            "surveys",
            "respondent channel score answered_on",
            "web phone_call letter kiosk",
            "projects project_id project_name",
            50,
        ),
        _theme(
            "flights",
            "captain aircraft delay_minutes flown_on",
            "jet turboprop glider seaplane",
            "bases base_id base_name",
            240,
        ),
        _theme(
            "harvests",
            "farmer crop tonnes cut_on",
            "barley maize oats rye",
            "fields field_id field_name",
            140,
        ),
    ),
    "validation": (
        _theme(
            "exhibits",
            "donor gallery_wing insured_value shown_on",
            "antiquity modern textile",
            "curators curator_id curator_name",
            9000,
        ),
        _theme(
            "meters",
            "household tariff usage_kwh read_on",
            "day_rate night_rate flat_rate",
            "streets street_id street_name",
            950,
        ),
    ),
    "test": (
        _theme(
            "memberships",
            "member_name plan_level visits joined_on",
            "basic plus premium_plan student_plan",
            "trainers trainer_id trainer_name",
            260,
        ),
        _theme(
            "rentals",
            "renter gear_type hire_days rented_on",
            "ski kayak bike tent",
            "lockers locker_id locker_code",
            40,
        ),
        _theme(
            "adoptions",
            "adopter species fee adopted_on",
            "dog cat rabbit parrot",
            "shelters shelter_id shelter_name",
            300,
        ),
        _theme(
            "concerts",
            "soloist genre audience played_on",
            "jazz opera folk chamber",
            "venues venue_id venue_name",
            2400,
        ),
    ),
}

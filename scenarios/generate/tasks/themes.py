"""What the small databases are about. Themes, and so table and column names, belong to one split."""

from __future__ import annotations

import random
from collections.abc import Sequence
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


def _themes(text: str) -> tuple[Theme, ...]:
    """Themes, one a line: table | name, group, measure, day | groups | other table, key, label | high."""
    return tuple(_theme(*map(str.strip, line.split("|"))) for line in text.strip().splitlines())


def _theme(table: str, columns: str, groups: str, other: str, high: str) -> Theme:
    name, group, measure, day = columns.split()
    second, key, label = other.split()
    return Theme(table, name, group, words(groups), measure, day, second, key, label, int(high))


def mixed(themes: Sequence[Theme], rng: random.Random) -> Theme:
    """A theme whose parts come from several, so that table and columns tell nothing of each other."""
    table, named, grouped, measured, dated, related = (rng.choice(themes) for _ in range(6))
    return Theme(
        table=table.table,
        name=named.name,
        group=grouped.group,
        groups=grouped.groups,
        measure=measured.measure,
        high=measured.high,
        day=dated.day,
        other=related.other,
        key=related.key,
        label=related.label,
    )


THEMES: dict[Split, tuple[Theme, ...]] = {
    "train": _themes("""
loans | borrower branch days_out borrowed_on | North Harbor Old_Town Campus | shelves shelf_id shelf_code | 90
tickets | requester state wait_minutes opened_on | open closed waiting | agents agent_id agent_name | 480
sales | buyer region units sold_on | east west south coast | products product_id product_name | 300
trips | driver_name purpose kilometers driven_on | delivery visit service transfer | vehicles vehicle_id plate | 900
bookings | guest_name room_type nights arrives_on | single double suite family | houses house_id house_name | 21
grants | researcher faculty euros awarded_on | biology physics history law | funds fund_id fund_title | 9000
repairs | customer_name device_kind cost repaired_on | phone laptop tablet camera | benches bench_id bench_tag | 700
exams | student subject points taken_on | algebra botany drawing Latin | rooms room_id room_number | 100
shipments | recipient carrier kilograms sent_on | air rail road sea | depots depot_id depot_town | 800
surveys | respondent channel score answered_on | web phone_call letter kiosk | projects project_id project_name | 50
flights | captain aircraft delay_minutes flown_on | jet turboprop glider seaplane | bases base_id base_name | 240
harvests | farmer crop tonnes cut_on | barley maize oats rye | fields field_id field_name | 140
paintings | artist style sold_price painted_on | oil ink chalk pastel | frames frame_id frame_code | 8000
parcels | addressee zone grams posted_on | inner outer rural island | vans van_id van_name | 5000
invoices | client status_word amount_due issued_on | draft sent paid overdue | clerks clerk_id clerk_name | 6000
classes | teacher grade_level pupils started_on | lower middle upper evening | buildings building_id wing | 40
sensors | installer location_kind reading mounted_on | roof cellar hall yard | gateways gateway_id serial | 500
matches | winner league goals_scored held_on | junior senior amateur pro | stadiums stadium_id stadium_name | 12
recipes | cook cuisine minutes_needed written_on | thai greek cajun nordic | books book_id book_title | 180
calls | caller topic seconds_long received_on | billing outage praise other | lines line_id line_number | 1800
trees | planter wood height_cm planted_on | birch cedar maple willow | parks park_id park_name | 2500
payments | payer method sum_paid paid_on | cash card cheque transfer | tills till_id till_label | 4000
lessons | learner instrument hours_spent booked_on | violin flute drums harp | halls hall_id hall_code | 60
boats | owner hull_type length_feet launched_on | wood plastic steel rubber | docks dock_id dock_name | 120
claims | insured cause damage_sum filed_on | hail theft water glass | offices office_id office_town | 9500
orders | purchaser priority pieces placed_on | low normal urgent rush | suppliers supplier_id supplier_name | 700
visits | patient ward days_stayed admitted_on | surgery eye heart skin | doctors doctor_id doctor_name | 30
films | director category runtime released_on | drama comedy western horror | studios studio_id studio_name | 210
jobs | applicant level wage_offered applied_on | intern trainee expert lead | teams team_id team_name | 7000
races | runner distance_class seconds_taken run_on | sprint mile half full | clubs club_id club_name | 9000
bottles | bottler grape crates filled_on | merlot riesling malbec syrah | cellars cellar_id cellar_name | 250
letters | writer language words_long mailed_on | english german czech danish | boxes box_id box_label | 900
machines | operator make_kind runs serviced_on | press lathe drill saw | plants plant_id plant_name | 450
cars | seller_name body mileage listed_on | sedan coupe wagon van_type | lots lot_id lot_name | 9900
tests | tester outcome errors_found checked_on | pass_ok fail_hard skipped flaky | builds build_id build_tag | 80
meals | eater diet calories served_on | vegan halal kosher plain | kitchens kitchen_id kitchen_name | 1500
wells | surveyor ground depth_m drilled_on | clay chalk_rock gravel peat | districts district_id district_name | 320
donations | giver campaign_kind pledged given_on | winter spring school relief | desks desk_id desk_name | 2000
albums | singer format copies pressed_on | vinyl tape disc stream | labels label_id label_name | 3000
bees | keeper strain jars collected_on | buckfast carnica ligurian dark | meadows meadow_id meadow_name | 90
"""),
    "validation": _themes("""
exhibits | donor gallery_wing insured_value shown_on | antiquity modern textile | curators curator_id curator_name | 9000
meters | household tariff usage_kwh read_on | day_rate night_rate flat_rate | streets street_id street_name | 950
"""),
    "test": _themes("""
memberships | member_name plan_level visits joined_on | basic plus premium_plan student_plan | trainers trainer_id trainer_name | 260
rentals | renter gear_type hire_days rented_on | ski kayak bike tent | lockers locker_id locker_code | 40
adoptions | adopter species fee adopted_on | dog cat rabbit parrot | shelters shelter_id shelter_name | 300
concerts | soloist genre audience played_on | jazz opera folk chamber | venues venue_id venue_name | 2400
"""),
}

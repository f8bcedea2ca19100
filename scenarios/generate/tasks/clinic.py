"""Requests to a clinic's front desk: a held-out world, so all phrases belong to the test split."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import FIRST_NAMES, LAST_NAMES, words
from lab.scenarios.generate.script import Script, Task, norm, unordered
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import day, listed
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.clinic import PANELS, SPECIALTIES

COMPLAINTS = words(
    """sore_knee itchy_skin back_pain chest_pain swollen_ankle stiff_neck ear_ache dizzy_spells
    dry_cough sprained_wrist red_rash high_fever numb_fingers hip_pain short_breath painful_heel"""
)
DRUGS = words(
    """Amorel Betaxin Cardival Dermosan Elutrin Fenoprax Gastrolin Hepadine Ibusol Jantrel Kalmexin
    Lorvane Metorin Nardex Optivar Pulmocet Quinoral Rivastol Sedamine Tolvexa Ultrafen Velorin
    Xanopril Zolmetra"""
)
PHARMACIES = words(
    """Apollo_Pharmacy Birch_Street_Pharmacy Castle_Pharmacy Dragon_Pharmacy Eagle_Pharmacy
    Fountain_Pharmacy Garden_Pharmacy Harbour_Pharmacy Island_Pharmacy Jasmine_Pharmacy
    Kings_Pharmacy Lion_Pharmacy Market_Pharmacy North_Pharmacy Olive_Pharmacy Park_Pharmacy"""
)
INSURERS = words(
    """Aegis_Care Beacon_Health Civic_Mutual Dahlia_Health Evergreen_Care Fidelis_Fund Guardia_Health
    Hearth_Mutual"""
)
ALLERGIES = words(
    """peanuts penicillin pollen latex shellfish aspirin nickel iodine milk wasps dust_mites eggs mould
    kiwi sesame soy"""
)

URGENCIES = ("routine", "soon", "emergency")


def base(_: Values) -> JSON:
    """A clinic without patients."""
    return {
        table: {} for table in ("patients", "openings", "visits", "prescriptions", "samples", "referrals")
    }


def _patient(s: Script) -> tuple[str, str, str]:
    chart, surname, born = s.v.id_("MRN"), s.v.pick(LAST_NAMES), s.v.birthday().isoformat()
    s.state["patients"][chart] = {"given_name": s.v.pick(FIRST_NAMES), "surname": surname, "born": born}
    return chart, surname, born


def _opening(s: Script, specialty: str, on: str, *, taken: bool = False) -> str:
    opening = s.v.id_("OP")
    slot = {"specialty": specialty, "day": on, "hour": s.v.time(), "doctor": f"Dr {s.v.pick(LAST_NAMES)}"}
    s.state["openings"][opening] = slot | ({"taken": True} if taken else {})
    return opening


def _prescription(s: Script, chart: str, refills: int) -> tuple[str, str]:
    rx, drug = s.v.id_("RX"), s.v.pick(DRUGS)
    s.state["prescriptions"][rx] = {"chart_no": chart, "drug": drug, "refills": refills}
    return rx, drug


def visit(s: Script) -> Iterator[None]:
    (chart, surname, born), specialty = _patient(s), s.v.choice(SPECIALTIES)
    earliest, complaint = s.v.date(), s.v.pick(COMPLAINTS)
    first = s.v.later(earliest, 1, 3)
    opening = _opening(s, specialty, first.isoformat())
    _opening(s, specialty, s.v.later(first).isoformat())
    yield
    s.ask("visit", specialty=specialty, earliest=earliest, surname=surname, born=born, complaint=complaint)
    s.call("identify_patient", surname=norm(surname), born=born)
    s.call("browse_openings", specialty=specialty, earliest=earliest.isoformat())
    made = s.call("reserve_visit", chart_no=chart, opening=opening, complaint=norm(complaint))
    s.say(
        f"Visit {made['visit_code']} on {day(made['day'])} at {made['hour']}.",
        made["visit_code"],
        visit_code=made["visit_code"],
    )


def refill(s: Script) -> Iterator[None]:
    (chart, surname, born), pharmacy = _patient(s), s.v.pick(PHARMACIES)
    rx, drug = _prescription(s, chart, s.v.count(1, 4))
    _prescription(s, chart, 2)
    yield
    s.ask("refill", surname=surname, born=born, drug=drug, pharmacy=pharmacy)
    s.call("identify_patient", surname=norm(surname), born=born)
    s.call("medication_list", chart_no=chart)
    made = s.call("refill_drug", rx=rx, pharmacy=norm(pharmacy))
    s.say(f"{drug} is refilled at {pharmacy}; {made['refills']} refills are left.", pharmacy, prescription=rx)


def labs(s: Script) -> Iterator[None]:
    (chart, surname, born), panels, fasting = _patient(s), s.v.some(PANELS, 1, 3), s.v.chance(0.5)
    yield
    said = [panel.replace("_", " ") for panel in panels]
    s.ask("labs", panels=said, surname=surname, born=born, fasting=", fasting" if fasting else "")
    s.call("identify_patient", surname=norm(surname), born=born)
    wish = {"fasting": True} if fasting else {}
    made = s.call("request_labs", chart_no=chart, panels=unordered(panels), **wish)
    s.say(f"The sample is {made['sample']}.", made["sample"], sample=made["sample"])


def reports(s: Script) -> Iterator[None]:
    samples = [s.v.id_("LAB") for _ in range(s.v.count(2, 4))]
    for sample in samples:
        findings = f"{s.v.choice(PANELS).replace('_', ' ')} {s.v.choice(('normal', 'high', 'low'))}"
        s.state["samples"][sample] = {"findings": findings}
    yield
    s.ask("reports", samples=samples)
    found = s.together(*(("lab_report", {"sample": sample}) for sample in samples))
    told = [f"{sample}: {each['findings']}" for sample, each in zip(samples, found, strict=True)]
    s.say(f"{'; '.join(told)}.", *(each["findings"] for each in found))


def refer(s: Script) -> Iterator[None]:
    charts, specialties = [_patient(s)[0] for _ in range(2)], s.v.some(SPECIALTIES, 2, 2)
    urgencies = [s.v.choice(URGENCIES) for _ in range(2)]
    yield
    first, second = charts
    s.ask(
        "refer",
        first=first,
        second=second,
        a=specialties[0],
        b=specialties[1],
        x=urgencies[0],
        y=urgencies[1],
    )
    rows = zip(charts, specialties, urgencies, strict=True)
    made = s.together(*(("refer_onward", {"chart_no": c, "specialty": p, "urgency": u}) for c, p, u in rows))
    told = [each["referral"] for each in made]
    s.say(f"Referred: {listed(told)}.", *told)


def taken(s: Script) -> Iterator[None]:
    chart, specialty, code = _patient(s)[0], s.v.choice(SPECIALTIES), s.v.id_("VIS")
    first = _opening(s, specialty, s.v.date().isoformat(), taken=True)
    second = _opening(s, specialty, s.v.date().isoformat())
    s.state["visits"][code] = {"chart_no": chart, "complaint": s.v.pick(COMPLAINTS), "opening": s.v.id_("OP")}
    yield
    s.ask("taken", visit=code, first=first, second=second)
    s.refused("taken", "shift_visit", visit_code=code, opening=first)
    made = s.call("shift_visit", visit_code=code, opening=second)
    s.say(f"{first} was taken; {code} is on {day(made['day'])} at {made['hour']}.", made["hour"])


def empty(s: Script) -> Iterator[None]:
    (chart, _, _), pharmacy = _patient(s), s.v.pick(PHARMACIES)
    rx, drug = _prescription(s, chart, 0)
    opening = _opening(s, s.v.choice(SPECIALTIES), s.v.date().isoformat())
    yield
    s.ask("empty", rx=rx, pharmacy=pharmacy, opening=opening, chart=chart, drug=drug)
    s.refused("no_refills", "refill_drug", rx=rx, pharmacy=norm(pharmacy))
    made = s.call("reserve_visit", chart_no=chart, opening=opening, complaint=norm(f"{drug} refill"))
    s.say(f"{rx} has no refills left, so there is a visit: {made['visit_code']}.", made["visit_code"])


def enroll(s: Script) -> Iterator[None]:
    v, born, policy = s.v, s.v.birthday(), s.v.id_("POL")
    given, surname, company = v.pick(FIRST_NAMES), v.pick(LAST_NAMES), v.pick(INSURERS)
    allergies = [v.pick(ALLERGIES) for _ in range(v.count(0, 2))]
    yield
    said = f"\nAllergies: {', '.join(allergies)}" if allergies else ""
    s.ask(
        "enroll",
        given=given,
        surname=surname,
        born=born.isoformat(),
        company=company,
        policy=policy,
        allergies=said,
    )
    wish = {"allergies": unordered(allergies)} if allergies else {}
    insurance = {"company": company, "policy": policy}
    made = s.call(
        "enroll_patient",
        given_name=given,
        surname=surname,
        born=born.isoformat(),
        insurance=insurance,
        **wish,
    )
    s.say(f"The chart is {made['chart_no']}.", made["chart_no"], chart_number=made["chart_no"])


def contact(s: Script) -> Iterator[None]:
    (chart, _, _), phone = _patient(s), str(s.v.number(10**8, 10**9))
    yield
    s.ask("contact_missing", chart=chart)
    s.show("amend_contact")
    s.say("Which number is the new one?")
    s.ask("contact", phone=phone)
    s.call("amend_contact", chart_no=chart, contact={"phone": phone})
    s.say(f"{chart} has the number {phone} now.", phone)


def drop(s: Script) -> Iterator[None]:
    code, by = s.v.id_("VIS"), s.v.choice(("patient", "clinic"))
    s.state["visits"][code] = {"chart_no": _patient(s)[0], "complaint": s.v.pick(COMPLAINTS)}
    yield
    s.ask("drop", visit=code, by=f"the {by}")
    s.call("drop_visit", visit_code=code, by=by)
    s.say(f"{code} is cancelled.", code)


def follow_up(s: Script) -> Iterator[None]:
    (chart, _, _), pharmacy, specialty = _patient(s), s.v.pick(PHARMACIES), s.v.choice(SPECIALTIES)
    (rx, drug), urgency = _prescription(s, chart, 3), s.v.choice(URGENCIES)
    _prescription(s, chart, 1)
    yield
    s.ask("what", chart=chart)
    found = s.call("medication_list", chart_no=chart)["medication"]
    s.say(f"{listed([each['drug'] for each in found])}.", drug)
    s.ask("refill_it", drug=drug, pharmacy=pharmacy)
    s.call("refill_drug", rx=rx, pharmacy=norm(pharmacy))
    s.say(f"{drug} waits at {pharmacy}.", pharmacy)
    s.ask("refer_it", specialty=specialty, urgency=urgency)
    made = s.call("refer_onward", chart_no=chart, specialty=specialty, urgency=urgency)
    s.say(f"The referral is {made['referral']}.", made["referral"])


TASKS = (
    Task(visit, ("chain",), 4),
    Task(refill, ("chain",), 4),
    Task(labs, ("chain",), 3),
    Task(reports, ("parallel",), 2),
    Task(refer, ("parallel",), 2),
    Task(taken, ("retry",), 3),
    Task(empty, ("retry",), 3),
    Task(enroll, ("extraction",), 2),
    Task(contact, ("ambiguous",), 3),
    Task(drop, ("short",), 2),
    Task(follow_up, ("dialogue",), 6),
)

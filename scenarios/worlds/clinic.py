"""A clinic's front desk: patients, visits, prescriptions, samples. Held out for `novel-tools`."""

from __future__ import annotations

from lab.scenarios.worlds.base import (
    BOOLEAN,
    DATE,
    JSON,
    STRING,
    Tool,
    World,
    array,
    enum,
    record,
    refuse_unless,
    text,
)

SPECIALTIES = ("cardiology", "dermatology", "orthopedics", "pediatrics")
PANELS = ("blood_count", "lipids", "thyroid", "glucose")


class Clinic(World):
    """State: `patients`, `openings` (free visit times), `visits`, `prescriptions`, `samples` and
    `referrals`, by id."""

    name = "clinic"
    role = "front-desk assistant of a clinic"

    def identify_patient(self, surname: str, born: str) -> JSON:
        for chart_no, patient in self._state["patients"].items():
            if patient["surname"].casefold() == surname.casefold() and patient["born"] == born:
                return {"chart_no": chart_no, "given_name": patient["given_name"]}
        return {"chart_no": None}

    def enroll_patient(
        self, given_name: str, surname: str, born: str, insurance: JSON, allergies: list[str] | None
    ) -> JSON:
        patient = {"given_name": given_name, "surname": surname, "born": born, "insurance": insurance}
        patient |= {"allergies": allergies} if allergies else {}
        chart_no = self._new_id("MRN", self._state["patients"], patient)
        self._state["patients"][chart_no] = patient
        return {"chart_no": chart_no}

    def browse_openings(self, specialty: str, earliest: str) -> JSON:
        openings = [
            {"opening": id_} | {key: slot[key] for key in ("day", "hour", "doctor")}
            for id_, slot in self._state["openings"].items()
            if slot["specialty"] == specialty and slot["day"] >= earliest
        ]
        return {"openings": openings}

    def reserve_visit(self, chart_no: str, opening: str, complaint: str, remote: bool) -> JSON:
        self._find("patients", chart_no, "chart")
        slot = self._opening(opening)
        visit = {"chart_no": chart_no, "day": slot["day"], "hour": slot["hour"], "complaint": complaint}
        visit_code = self._new_id("VIS", self._state["visits"], visit, opening, remote)
        slot["taken"] = True
        self._state["visits"][visit_code] = visit | {"opening": opening, "remote": remote}
        return {"visit_code": visit_code, "day": slot["day"], "hour": slot["hour"]}

    def shift_visit(self, visit_code: str, opening: str) -> JSON:
        visit = self._find("visits", visit_code, "visit")
        slot = self._opening(opening)
        slot["taken"] = True
        visit |= {"opening": opening, "day": slot["day"], "hour": slot["hour"]}
        return {"visit_code": visit_code, "day": slot["day"], "hour": slot["hour"]}

    def drop_visit(self, visit_code: str, by: str) -> JSON:
        self._find("visits", visit_code, "visit")
        del self._state["visits"][visit_code]
        return {"dropped": visit_code, "by": by}

    def medication_list(self, chart_no: str) -> JSON:
        self._find("patients", chart_no, "chart")
        drugs = [
            {"rx": rx} | {key: drug[key] for key in ("drug", "refills")}
            for rx, drug in self._state["prescriptions"].items()
            if drug["chart_no"] == chart_no
        ]
        return {"medication": drugs}

    def refill_drug(self, rx: str, pharmacy: str) -> JSON:
        drug = self._find("prescriptions", rx, "prescription")
        refuse_unless(drug["refills"] > 0, "no_refills", f"{rx} has no refills left: a visit is needed")
        drug["refills"] -= 1
        drug["pharmacy"] = pharmacy
        return {"rx": rx, "refills": drug["refills"]}

    def request_labs(self, chart_no: str, panels: list[str], fasting: bool) -> JSON:
        self._find("patients", chart_no, "chart")
        panels = sorted(set(panels))
        sample = self._new_id("LAB", self._state["samples"], chart_no, panels, fasting)
        self._state["samples"][sample] = {"chart_no": chart_no, "panels": panels, "fasting": fasting}
        return {"sample": sample}

    def lab_report(self, sample: str) -> JSON:
        found = self._find("samples", sample, "sample")
        refuse_unless("findings" in found, "pending", f"{sample} is not analysed yet")
        return {"findings": found["findings"]}

    def amend_contact(self, chart_no: str, contact: JSON) -> JSON:
        patient = self._find("patients", chart_no, "chart")
        patient["contact"] = patient.get("contact", {}) | contact
        return {"chart_no": chart_no, "updated": sorted(contact)}

    def refer_onward(self, chart_no: str, specialty: str, urgency: str) -> JSON:
        self._find("patients", chart_no, "chart")
        referral = self._new_id("REF", self._state["referrals"], chart_no, specialty, urgency)
        self._state["referrals"][referral] = {
            "chart_no": chart_no,
            "specialty": specialty,
            "urgency": urgency,
        }
        return {"referral": referral}

    def _opening(self, opening: str) -> JSON:
        slot: JSON = self._find("openings", opening, "opening")
        refuse_unless(not slot.get("taken"), "taken", f"{opening} was taken a moment ago")
        return slot

    TOOLS = (
        Tool(identify_patient, "Find a patient's chart number.", {"surname": STRING, "born": DATE}),
        Tool(
            enroll_patient,
            "Enroll a new patient.",
            {
                "given_name": STRING,
                "surname": STRING,
                "born": DATE,
                "insurance": record({"company": STRING, "policy": STRING}),
            },
            {"allergies": array(STRING)},
        ),
        Tool(
            browse_openings,
            "List free visit times from a day on.",
            {"specialty": enum(*SPECIALTIES), "earliest": DATE},
        ),
        Tool(
            reserve_visit,
            "Reserve an opening for a patient.",
            {"chart_no": STRING, "opening": STRING, "complaint": STRING},
            {"remote": {**BOOLEAN, "default": False}},
        ),
        Tool(shift_visit, "Move a visit to another opening.", {"visit_code": STRING, "opening": STRING}),
        Tool(
            drop_visit,
            "Cancel a visit.",
            {"visit_code": STRING, "by": enum("patient", "clinic")},
        ),
        Tool(medication_list, "List a patient's prescriptions.", {"chart_no": STRING}),
        Tool(refill_drug, "Refill a prescription at a pharmacy.", {"rx": STRING, "pharmacy": STRING}),
        Tool(
            request_labs,
            "Order laboratory panels.",
            {"chart_no": STRING, "panels": array(enum(*PANELS))},
            {"fasting": {**BOOLEAN, "default": False}},
        ),
        Tool(lab_report, "Read the findings of a sample.", {"sample": STRING}),
        Tool(
            amend_contact,
            "Change a patient's contact details.",
            {
                "chart_no": STRING,
                "contact": {
                    **record({}, {"phone": text("digits only"), "email": STRING}),
                    "minProperties": 1,
                },
            },
        ),
        Tool(
            refer_onward,
            "Refer a patient to a specialty.",
            {
                "chart_no": STRING,
                "specialty": enum(*SPECIALTIES),
                "urgency": enum("routine", "soon", "emergency"),
            },
        ),
    )

"""What users say to the home assistant: a held-out world, so all of it belongs to the test split."""

from __future__ import annotations

from lab.scenarios.generate.wording import held_out

PHRASES = {
    "lamp": held_out(
        "Dim the lamp in the {room} to {level} percent{tint}.",
        "The {room} lamp should be at {level} percent{tint}. [See|Check] which gadgets are there first.",
        "Find the lamp in the {room} and set it to {level} percent{tint}.",
    ),
    "scene": held_out(
        "In the {room}, set the lamp to {level} percent and the blind to {openness} percent open.",
        "Look at the gadgets in the {room}; then lamp {level} percent, blind {openness} percent.",
    ),
    "music": held_out(
        "Play {station} in the {room} at volume {volume}.",
        "Find the speaker in the {room} and put {station} on it, volume {volume}.",
    ),
    "zones": held_out(
        "Heat {first} to {a} degrees and {second} to {b} degrees.",
        "Warm the zones: {first} {a} degrees, {second} {b} degrees.",
    ),
    "sensors": held_out("What do the sensors {sensors} say?", "Read the sensors {sensors}."),
    "alarm": held_out(
        "Arm the alarm for the {level}. If a door is open, bolt it and try again.",
        "Please arm the {level} alarm; should a door not be bolted, bolt that door and arm again.",
    ),
    "battery": held_out(
        "Set lamp {first} to {level} percent; if it does not answer, use lamp {second}.",
        "Lamp {first} at {level} percent, or lamp {second} when {first} has no battery left.",
    ),
    "routine": held_out(
        "Make a routine:\nName: {label}\nWhen: {when} at {at}\nSteps: {steps}",
        'Please create "{label}".\nIt runs {when}, {at}.\nIt does: {steps}',
    ),
    "guest": held_out("{guest} visits me and needs a pin.", "Let {guest} into the house."),
    "pin": held_out("Pin {pin}, for the doors {doors}.", "Use the pin {pin}. Doors: {doors}."),
    "mow": held_out(
        "Mow the {areas} for {minutes} minutes.", "Send the mower to {areas}, {minutes} minutes."
    ),
    "then_door": held_out("Now bolt the door there.", "And bolt its door."),
    "then_blind": held_out(
        "Open the blind there to {openness} percent.", "Its blind should be {openness} percent open."
    ),
}

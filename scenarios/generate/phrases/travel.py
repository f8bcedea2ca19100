"""What users say to the travel assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "book_codes": Phrases(
        train=(
            "[Please book|Book me|I need] the cheapest{direct} flight from {origin} to {destination} on "
            "{date}{cabin}. "
            "[Passenger: {name}.|The passenger is {name}.]",
            "{name} [has to|must] fly {origin} to {destination} on {date}{cabin}. [Take|Book] the "
            "cheapest{direct} "
            "[connection|flight].",
            "Find the{direct} flights {origin}-{destination} for {date} and book the cheapest one{cabin} "
            "for {name}.",
            "[Could|Can] you get {name} a seat on the lowest-priced{direct} flight from {origin} to "
            "{destination}{cabin}, "
            "[leaving|departing] {date}?",
        ),
        validation=(
            "On {date} {name} travels from {origin} to {destination}{cabin}: reserve the{direct} flight "
            "that costs least.",
        ),
        test=(
            "I would like a{direct} flight for {name}{cabin}, {origin} to {destination}, {date}, as cheap "
            "as possible. Please "
            "book it.",
            "Get the best price for a{direct} flight to {destination} from {origin} on {date}{cabin} and "
            "buy it for {name}.",
        ),
    ),
    "book_cities": Phrases(
        train=(
            "[Please look up|Look up] the airports of {origin} and {destination}, then book {name} on the "
            "cheapest flight "
            "between them on {date}.",
            "{name} flies from {origin} to {destination} on {date}. [I do not know the airport "
            "codes.|Find the airport codes "
            "first.] Book the cheapest flight.",
            "Book {name} the cheapest flight, {origin} to {destination}, {date}. [You will need|Look up] "
            "the codes of both "
            "airports.",
        ),
        validation=(
            "What are the codes of the {origin} and {destination} airports? Then put {name} on the "
            "cheapest flight on {date}.",
        ),
        test=(
            "Check which airports serve {origin} and {destination} and buy {name} the cheapest ticket for "
            "{date}.",
            "We need {name} to get from {origin} to {destination} on {date}, at the lowest fare. Airport "
            "codes are not known to "
            "me.",
        ),
    ),
    "hotel": Phrases(
        train=(
            "[Book|Reserve] a hotel in {city} for {name}, {check_in} to {check_out}, [at most|not more "
            "than] {limit} a night, "
            "the one with the most stars{breakfast}.",
            "{name} needs a room in {city} from {check_in} until {check_out}. [My limit is|The budget is] "
            "{limit} per night; "
            "take the best-rated hotel{breakfast}.",
            "Find hotels in {city} up to {limit} a night, {check_in} to {check_out}, and book {name} into "
            "the one with most "
            "stars{breakfast}.",
        ),
        validation=(
            "{check_in} to {check_out}, {city}, a room below {limit} for {name}: choose the hotel with "
            "the most "
            "stars{breakfast}.",
        ),
        test=(
            "Please arrange a stay in {city} for {name} between {check_in} and {check_out}. Nothing above "
            "{limit} a night; the "
            "more stars the better{breakfast}.",
            "Where can {name} sleep in {city} from {check_in} to {check_out} for {limit} at most? Book "
            "the hotel with the "
            "highest stars{breakfast}.",
        ),
    ),
    "rebook": Phrases(
        train=(
            "[Is|Please check whether] flight {flight} [on time|cancelled]? If it is cancelled, move "
            "booking {reference} to the "
            "first other {origin}-{destination} flight on {date}.",
            "My booking {reference} is on {flight}. [Check its status|See how it stands]; if cancelled, "
            "rebook me to another "
            "flight {origin} to {destination} on {date}.",
        ),
        validation=(
            "Look at {flight}. Should it be cancelled, switch {reference} to another {origin} to "
            "{destination} flight on {date}.",
        ),
        test=(
            "I hear that {flight} will not fly. Find out, and if so put my booking {reference} on a "
            "different flight from "
            "{origin} to {destination} the same day, {date}.",
            "Booking {reference}, flight {flight}: if it has been cancelled, change it to another one "
            "{origin}-{destination}, "
            "{date}.",
        ),
    ),
    "weather": Phrases(
        train=(
            "[What is|How is] the weather in {cities} on {date}?",
            "[Compare|Show me] the forecasts for {cities} on {date}.",
            "Which of {cities} will be [warmest|the warmest place] on {date}?",
        ),
        validation=("I can choose between {cities} for {date}. What does the forecast say for each?",),
        test=(
            "Tell me the temperatures expected in {cities}, {date}.",
            "Should I pack a coat on {date}? I pass through {cities}.",
        ),
    ),
    "convert": Phrases(
        train=(
            "[How much is|Convert] {amount} {source} in {targets}?",
            "What do I get in {targets} for {amount} {source}?",
            "I have {amount} {source}. [Show|Tell] me the value in {targets}.",
        ),
        validation=("{amount} {source} expressed in {targets}, please.",),
        test=(
            "Please turn {amount} {source} into {targets}.",
            "What are {amount} {source} worth in {targets}?",
        ),
    ),
    "sold_out": Phrases(
        train=(
            "Book flight {first} for {name}. If it is [full|sold out], take {second} [instead|].",
            "[Get|Put] {name} on {first}, or on {second} if there are no seats left.",
            "{name} wants {first}. Should that be full, {second} is fine [too|as well].",
        ),
        validation=("Reserve {first} for {name}; the fallback is {second}.",),
        test=(
            "My first choice for {name} is {first} and my second choice is {second}. Please book.",
            "Try to book {name} on {first}. No seat? Then {second}.",
        ),
    ),
    "hotel_full": Phrases(
        train=(
            "Book hotel {first} for {name}, {check_in} to {check_out}. If it is full, search {city} and "
            "take the cheapest other "
            "hotel.",
            "{name} stays at {first} from {check_in} to {check_out}. [No room there|If there is no room]? "
            "Then the cheapest "
            "other hotel in {city}.",
        ),
        validation=(
            "A room at {first} for {name}, {check_in} until {check_out}, else the cheapest one in {city}.",
        ),
        test=(
            "Please reserve {first} for {name} ({check_in} to {check_out}). When fully booked, look for "
            "the cheapest "
            "alternative in {city}.",
            "I want {name} in {first}, arriving {check_in}, leaving {check_out}. Otherwise whatever is "
            "cheapest in {city}.",
        ),
    ),
    "report": Phrases(
        train=(
            "File this trip:\nTraveller: {name}\nFlights: {legs}\nTotal cost: {cost} {currency}{purpose}",
            "Please log the trip below.\n{name} took {legs}. It cost {cost} {currency} in all.{purpose}",
            "Trip report\n{legs}\nPaid {cost} {currency}, traveller {name}.{purpose}\nPut it on record.",
        ),
        validation=("Record for travel accounting:\n{name} / {legs} / {cost} {currency}{purpose}",),
        test=(
            "Enter this into the travel records.\nWho: {name}\nLegs: {legs}\nPrice: {currency} "
            "{cost}{purpose}",
            "From my notes:\n- flew {legs}\n- spent {currency} {cost}\n- name {name}{purpose}\nPlease "
            "file the trip.",
        ),
    ),
    "car_missing": Phrases(
        train=(
            "I need a rental car in {city} from {pick_up} to {drop_off}.",
            "[Rent|Get] me a car in {city}, {pick_up} until {drop_off}.",
        ),
        validation=("A hire car in {city}, please, {pick_up} to {drop_off}.",),
        test=(
            "Can I have a car in {city} between {pick_up} and {drop_off}?",
            "Please hire a car for me: {city}, {pick_up} to {drop_off}.",
        ),
    ),
    "car_details": Phrases(
        train=(
            "[Make it|Take] {category}. The driver is {name}, {age} years old.",
            "{name}, {age}, will drive. {category}, please.",
            "Category {category}; driver {name}, age {age}.",
        ),
        validation=("It should be {category}, and {name} ({age}) drives.",),
        test=(
            "Let us go for {category}. Driver: {name}, who is {age}.",
            "{category} is right, {name} is behind the wheel, aged {age}.",
        ),
    ),
    "status": Phrases(
        train=(
            "[Which gate does|From which gate does] {flight} leave?",
            "[Is|Will] {flight} [on time|be on time]?",
            "Any news on flight {flight}?",
        ),
        validation=("How is {flight} doing?",),
        test=("Where do I board {flight}, and is it punctual?", "Give me the current state of {flight}."),
    ),
    "cancel": Phrases(
        train=(
            "[Cancel|Please cancel] booking {reference} and refund it to {where}.",
            "I no longer need {reference}. [Refund|Money back] to {where}.",
        ),
        validation=("Drop {reference}; I want the refund on {where}.",),
        test=(
            "{reference} is off. Please give the money back to {where}.",
            "Call off my booking {reference}, refund by {where}.",
        ),
    ),
    "list_flights": Phrases(
        train=(
            "Which flights go from {origin} to {destination} on {date}?",
            "[Show|List] me flights {origin} to {destination} on {date}{cabin}.",
        ),
        validation=("What leaves {origin} for {destination} on {date}?",),
        test=(
            "I want to see what flies {origin}-{destination} on {date}.",
            "Flights to {destination} from {origin}, {date}?",
        ),
    ),
    "take_it": Phrases(
        train=(
            "Book the one at {departs} for {name}, {seat} seat.",
            "[I take|We take] the {departs} one, a seat at the {seat}, for {name}.",
        ),
        validation=("The {departs} departure suits {name}, {seat} please.",),
        test=(
            "{departs} is good. {name}, seat: {seat}.",
            "Then the {departs} flight for {name} with a {seat} seat.",
        ),
    ),
    "undo": Phrases(
        train=(
            "Sorry, [cancel it|cancel that booking] again, refund to {where}.",
            "Plans changed: cancel it. Refund to {where}.",
        ),
        validation=("I have to call it off after all; {where} for the refund.",),
        test=(
            "Oh no, please undo the booking. {where} refund.",
            "It does not work out. Cancel it and refund the {where}.",
        ),
    ),
    "sold_out_group": Phrases(
        train=(
            "Book {names} on {flight}.",
            "{names} [fly|travel] together on {flight}: please book.",
            "[Two|2] seats on {flight} for {names}.",
        ),
        validation=("Put {names} on {flight} together.",),
        test=("Please buy tickets on {flight} for {names}.", "I need {flight} for both {names}."),
    ),
    "trip": Phrases(
        train=(
            "{name} flies from {origin} to {destination} on {date} and stays until {check_out}. [Find the "
            "airports|Look up the "
            "airport codes], book the cheapest flight there, then the cheapest hotel, at most {limit} a "
            "night.",
            "[Plan|Arrange] a trip for {name}: {origin} to {destination}, {date} to {check_out}. Airport "
            "codes first, then the "
            "cheapest flight out, then the cheapest hotel up to {limit} per night.",
        ),
        validation=(
            "For {name}: the airports of {origin} and {destination}, the cheapest flight on {date}, and "
            "until {check_out} the "
            "cheapest hotel (limit {limit}).",
        ),
        test=(
            "{name} wants to visit {destination} from {date} to {check_out}, starting in {origin}. Get "
            "the airport codes, buy the "
            "cheapest outbound ticket, and reserve the cheapest hotel below {limit} a night.",
            "Please take care of the journey of {name} from {origin} to {destination}: airports, cheapest "
            "flight on {date}, cheapest "
            "hotel until {check_out}. No hotel above {limit}.",
        ),
    ),
}

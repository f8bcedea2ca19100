"""What users say to the travel assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "book_codes": Phrases(
        train=(
            "[Please book|Book me|I need] the cheapest{direct} flight from {origin} to {destination} on "
            "{date}{cabin}. [Passenger: {name}.|The passenger is {name}.]",
            "{name} [has to|must] fly {origin} to {destination} on {date}{cabin}. [Take|Book] the "
            "cheapest{direct} [connection|flight].",
            "Find the{direct} flights {origin}-{destination} for {date} and book the cheapest one{cabin} "
            "for {name}.",
            "[Could|Can] you get {name} a seat on the lowest-priced{direct} flight from {origin} to "
            "{destination}{cabin}, [leaving|departing] {date}?",
            "I arrange travel for {name}, who should fly{direct} from {origin} to {destination}{cabin}. The "
            "day is {date}; compare the fares and reserve [whichever|the one that] is cheapest.",
            "Traveller: {name}\nRoute: {origin} to {destination}\nDay: {date}\nPick the least "
            "expensive{direct} flight{cabin} and make the booking.",
            "Among the{direct} flights{cabin} that leave {origin} for {destination} on {date}, which one is "
            "cheapest? [Purchase|Secure] it for {name}.",
            "{destination} is where {name} has to be on {date}, starting at {origin}. Search the{direct} "
            "flights{cabin} and secure a ticket at the lowest price.",
        ),
        validation=(
            "On {date} {name} travels from {origin} to {destination}{cabin}: reserve the{direct} flight "
            "that costs least.",
        ),
        test=(
            "I would like a{direct} flight for {name}{cabin}, {origin} to {destination}, {date}, as cheap "
            "as possible. Please book it.",
            "Get the best price for a{direct} flight to {destination} from {origin} on {date}{cabin} and "
            "buy it for {name}.",
        ),
    ),
    "book_cities": Phrases(
        train=(
            "[Please look up|Look up] the airports of {origin} and {destination}, then book {name} on the "
            "cheapest flight between them on {date}.",
            "{name} flies from {origin} to {destination} on {date}. [I do not know the airport codes.|Find "
            "the airport codes first.] Book the cheapest flight.",
            "Book {name} the cheapest flight, {origin} to {destination}, {date}. [You will need|Look up] "
            "the codes of both airports.",
            "[I only have|I just know] the names of the cities: {name} goes from {origin} to {destination}. "
            "Work out the airports, then reserve the least expensive flight on {date}.",
            "Could you find out the airport code of {origin} and the one of {destination}, see what flies "
            "from the first to the second on {date}, and get {name} the lowest-priced seat?",
            "A ticket for {name}, please, out of {origin} into {destination}, departing {date}. Whatever is "
            "cheapest; the airport codes [are for you to find|have to be looked up].",
            "How can {name} travel from {origin} to {destination} on {date} for the least money? Identify "
            "the airports first and then make the reservation.",
            "{date}, {name}, {origin} to {destination}. Start with the airport of each city, compare prices "
            "and purchase the most affordable flight.",
        ),
        validation=(
            "What are the codes of the {origin} and {destination} airports? Then put {name} on the cheapest "
            "flight on {date}.",
        ),
        test=(
            "Check which airports serve {origin} and {destination} and buy {name} the cheapest ticket for "
            "{date}.",
            "We need {name} to get from {origin} to {destination} on {date}, at the lowest fare. Airport "
            "codes are not known to me.",
        ),
    ),
    "hotel": Phrases(
        train=(
            "[Book|Reserve] a hotel in {city} for {name}, {check_in} to {check_out}, [at most|not more "
            "than] {limit} a night, the one with the most stars{breakfast}.",
            "{name} needs a room in {city} from {check_in} until {check_out}. [My limit is|The budget is] "
            "{limit} per night; take the best-rated hotel{breakfast}.",
            "Find hotels in {city} up to {limit} a night, {check_in} to {check_out}, and book {name} into "
            "the one with most stars{breakfast}.",
            "Guest: {name}. City: {city}. Arrival {check_in}, departure {check_out}. Spend {limit} a night "
            "at most and go for the best star rating{breakfast}.",
            "Which hotel in {city} has the most stars without costing more than {limit} per night? "
            "[Reserve|Secure] it for {name}, {check_in} to {check_out}{breakfast}.",
            "We are looking for accommodation in {city}: {name} arrives on {check_in} and leaves on "
            "{check_out}. Choose the finest place by stars that stays within {limit} a night{breakfast}.",
            "Could you put {name} up in {city} from {check_in} to {check_out}? With a maximum of {limit} "
            "per night, go for as many stars as we can get{breakfast}.",
            "{name} will spend {check_in} to {check_out} in {city}. I want the top-starred hotel booked, "
            "with {limit} as the ceiling per night{breakfast}.",
        ),
        validation=(
            "{check_in} to {check_out}, {city}, a room below {limit} for {name}: choose the hotel with the "
            "most stars{breakfast}.",
        ),
        test=(
            "Please arrange a stay in {city} for {name} between {check_in} and {check_out}. Nothing above "
            "{limit} a night; the more stars the better{breakfast}.",
            "Where can {name} sleep in {city} from {check_in} to {check_out} for {limit} at most? Book the "
            "hotel with the highest stars{breakfast}.",
        ),
    ),
    "rebook": Phrases(
        train=(
            "[Is|Please check whether] flight {flight} [on time|cancelled]? If it is cancelled, move "
            "booking {reference} to the first other {origin}-{destination} flight on {date}.",
            "My booking {reference} is on {flight}. [Check its status|See how it stands]; if cancelled, "
            "rebook me to another flight {origin} to {destination} on {date}.",
            "Has {flight} been cancelled? Then please transfer reservation {reference} to some other "
            "departure from {origin} to {destination} on {date}.",
            "I am worried about flight {flight} on {date}. If it really is cancelled, {reference} should be "
            "moved to an alternative that day from {origin} to {destination}.",
            "Reservation {reference} holds a seat on {flight}, {origin} to {destination}, {date}. Verify "
            "that the flight operates, and only when it is cancelled find a replacement and change the "
            "booking.",
            "Do me a favour and check on {flight}. Cancelled? Search {origin} to {destination} for {date} "
            "and move {reference} over to what you find.",
            "I would like to know if {flight} still goes ahead. In case of a cancellation, rebook "
            "{reference}: route {origin} to {destination}, day {date}.",
            "On {date} I am supposed to fly {origin}-{destination} with {flight}, reference {reference}. "
            "See if it was cancelled, and if it was, exchange it for another flight.",
        ),
        validation=(
            "Look at {flight}. Should it be cancelled, switch {reference} to another {origin} to "
            "{destination} flight on {date}.",
        ),
        test=(
            "I hear that {flight} will not fly. Find out, and if so put my booking {reference} on a "
            "different flight from {origin} to {destination} the same day, {date}.",
            "Booking {reference}, flight {flight}: if it has been cancelled, change it to another one "
            "{origin}-{destination}, {date}.",
        ),
    ),
    "weather": Phrases(
        train=(
            "[What is|How is] the weather in {cities} on {date}?",
            "[Compare|Show me] the forecasts for {cities} on {date}.",
            "Which of {cities} will be [warmest|the warmest place] on {date}?",
            "I need the weather forecast for {date}: {cities}.",
            "Will it [rain|be sunny] on {date} in {cities}?",
            "Could you check how warm or cold it gets on {date} in {cities}?",
            "Rain or sunshine? I would love to know what {date} looks like in {cities}.",
            "We are planning a tour through {cities}. Look up the weather conditions there for {date}.",
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
            "My bill comes to {amount} {source}. How many {targets} is that?",
            "At today's exchange rates, {amount} {source} come to how much in {targets}?",
            "Calculate the equivalent in {targets} of {amount} {source}.",
            "Someone quoted me {amount} {source}, but I think in {targets}. Can you do the conversion?",
            "I would like to exchange {amount} {source}. Work out the sum for each of {targets}.",
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
            "Could you reserve a seat for {name} on {first}, and switch to {second} in case everything is "
            "taken?",
            "We prefer {first} for {name}; only when no seat can be had there, go for {second}.",
            "Passenger {name}. Preferred flight: {first}. Backup, should it be fully booked: {second}. Go "
            "ahead and reserve.",
            "I hope {first} still has room for {name}. Please book it, and if it turns out to be full, use "
            "{second} as plan B.",
            "{name} should have a ticket for {first}, or failing that a ticket for {second}. Can you see to "
            "it?",
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
            "take the cheapest other hotel.",
            "{name} stays at {first} from {check_in} to {check_out}. [No room there|If there is no room]? "
            "Then the cheapest other hotel in {city}.",
            "Is there a room at {first} for {name} from {check_in} to {check_out}? If so, book it; if not, "
            "get the least expensive of the other hotels in {city}.",
            "Guest {name} arrives on {check_in} and departs on {check_out}. Try {first} to begin with; "
            "should it have no vacancy, find what costs least in {city}.",
            "My preferred hotel for {name} is {first}, nights {check_in} to {check_out}. Failing that, "
            "compare the rest of the hotels in {city} and go for the lowest price.",
            "[Kindly|Please] make a hotel reservation at {first}: {name}, in on {check_in}, out on "
            "{check_out}. In case they are sold out, choose another {city} hotel with the lowest rate.",
            "We would love to have {name} at {first} for the stay {check_in} to {check_out}; if that does "
            "not work, see what {city} offers and reserve the lowest-priced place.",
        ),
        validation=(
            "A room at {first} for {name}, {check_in} until {check_out}, else the cheapest one in {city}.",
        ),
        test=(
            "Please reserve {first} for {name} ({check_in} to {check_out}). When fully booked, look for the "
            "cheapest alternative in {city}.",
            "I want {name} in {first}, arriving {check_in}, leaving {check_out}. Otherwise whatever is "
            "cheapest in {city}.",
        ),
    ),
    "report": Phrases(
        train=(
            "File this trip:\nTraveller: {name}\nFlights: {legs}\nTotal cost: {cost} {currency}{purpose}",
            "Please log the trip below.\n{name} took {legs}. It cost {cost} {currency} in all.{purpose}",
            "Trip report\n{legs}\nPaid {cost} {currency}, traveller {name}.{purpose}\nPut it on record.",
            "I want this trip in the log:\n{name} travelled on {legs} and spent {cost} {currency}.{purpose}",
            "Business travel, to be filed\nName: {name}\nAmount: {cost} {currency}\nItinerary: "
            "{legs}.{purpose}",
            "{name} is back from a journey. These flights were taken: {legs}. The bill was {cost} "
            "{currency}.{purpose} Please register it.",
            "Could you add a finished trip to the system? The traveller was {name}, the flights were "
            "{legs}, and everything together was {cost} {currency}.{purpose}",
            "Expenses of {name}\n* {legs}\n* total {currency} {cost}{purpose}\nSave this as a trip.",
        ),
        validation=("Record for travel accounting:\n{name} / {legs} / {cost} {currency}{purpose}",),
        test=(
            "Enter this into the travel records.\nWho: {name}\nLegs: {legs}\nPrice: {currency} "
            "{cost}{purpose}",
            "From my notes:\n- flew {legs}\n- spent {currency} {cost}\n- name {name}{purpose}\nPlease file "
            "the trip.",
        ),
    ),
    "car_missing": Phrases(
        train=(
            "I need a rental car in {city} from {pick_up} to {drop_off}.",
            "[Rent|Get] me a car in {city}, {pick_up} until {drop_off}.",
            "We want to rent a car in {city}. Pick-up is on {pick_up}, return on {drop_off}.",
            "Is it possible to reserve a vehicle in {city} for {pick_up} to {drop_off}?",
            "Arrange a rental for me: I collect the car on {pick_up} in {city} and bring it back on "
            "{drop_off}.",
            "From {pick_up} to {drop_off} I will be in {city} and have to drive around. Book me a car.",
            "Some wheels in {city} would be good, starting {pick_up}, ending {drop_off}.",
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
            "I would prefer {category}. At the wheel will be {name}, {age} years of age.",
            "We want {category}, driven by {name}, {age}.",
            "Driver's name: {name}. Age: {age}. The car: {category}.",
            "{name} does the driving and is {age}; please choose {category}.",
            "Please reserve {category}; the person driving is called {name} and turned {age}.",
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
            "Can you check [whether|if] {flight} is delayed?",
            "What time does {flight} take off, and from which gate?",
            "I am on my way to the airport for {flight}. Has anything changed?",
            "Please look up flight {flight}: delayed, boarding or on schedule?",
            "I want to know the departure gate of {flight}.",
        ),
        validation=("How is {flight} doing?",),
        test=("Where do I board {flight}, and is it punctual?", "Give me the current state of {flight}."),
    ),
    "cancel": Phrases(
        train=(
            "[Cancel|Please cancel] booking {reference} and refund it to {where}.",
            "I no longer need {reference}. [Refund|Money back] to {where}.",
            "Please get rid of reservation {reference}; the refund should go to {where}.",
            "My plans fell through, so {reference} has to be cancelled. I would like to be refunded to "
            "{where}.",
            "Can you cancel {reference} and return what I paid to {where}?",
            "Refund to {where}, please: I want to withdraw from booking {reference}.",
            "We will not be using {reference} after all. Annul it and send what we get back to {where}.",
            "How do I cancel {reference}? Do it for me and have the amount credited to {where}.",
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
            "Are there any flights on {date} from {origin} to {destination}?",
            "Search flights for {date}: departure {origin}, arrival {destination}.",
            "How can I fly from {origin} to {destination} on {date}? Give me the options.",
            "I am thinking of flying to {destination} on {date}, starting in {origin}. What is available?",
            "Let me know [the choices|what choices] I have for {origin} to {destination}, {date}.",
            "Find me a few connections, {origin} to {destination}, departing {date}.",
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
            "Please reserve the flight leaving at {departs}. Passenger {name}, {seat} seat.",
            "Let us go with {departs}, and give {name} a seat by the {seat}.",
            "Could you book {name} on the one that leaves at {departs}? Seat preference: {seat}.",
            "{name} will fly at {departs} and would like to sit at the {seat}.",
            "My choice is {departs}: make the booking for {name}, on the {seat}.",
            "For {name}, take the plane departing {departs}; {seat} seat.",
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
            "I made a mistake, please remove that reservation and return the money by {where}.",
            "Can you still cancel that? I would take the refund by {where}.",
            "On second thoughts we are not travelling. Please cancel what you just booked, refund via "
            "{where}.",
            "Something came up, so I have to give up this flight. Money back by {where}, please.",
            "Never mind, [we|I] do not want the flight any longer. Withdraw from it; how to refund: {where}.",
            "I would rather not go now. Could you drop the reservation and pay me back by {where}?",
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
            "Could you reserve {flight} for {names}?",
            "There are two passengers for {flight}: {names}. Make one booking.",
            "{names} want to take {flight}. Please get them seats.",
            "We are two, {names}, and would like to be on flight {flight}.",
            "Make a reservation on flight {flight}; the passengers are {names}.",
        ),
        validation=("Put {names} on {flight} together.",),
        test=("Please buy tickets on {flight} for {names}.", "I need {flight} for both {names}."),
    ),
    "trip": Phrases(
        train=(
            "{name} flies from {origin} to {destination} on {date} and stays until {check_out}. [Find the "
            "airports|Look up the airport codes], book the cheapest flight there, then the cheapest hotel, "
            "at most {limit} a night.",
            "[Plan|Arrange] a trip for {name}: {origin} to {destination}, {date} to {check_out}. Airport "
            "codes first, then the cheapest flight out, then the cheapest hotel up to {limit} per night.",
            "Could you organise a stay in {destination} for {name}? Departure is from {origin} on {date}, "
            "and the hotel is needed until {check_out}. Determine the airport codes, take the lowest fare "
            "there, then the lowest-priced hotel that costs no more than {limit} a night.",
            "First find the airports of {origin} and {destination}. Next, book {name} on the least "
            "expensive flight on {date}. Finally, reserve the least expensive hotel there until "
            "{check_out}, with {limit} per night as the maximum.",
            "Traveller {name}\nFrom {origin} to {destination}\nThere on {date}, hotel until {check_out}\n"
            "Hotel budget {limit} per night\nFind both airports, then book the flight and after it the "
            "hotel, always the cheapest.",
            "I have to send {name} from {origin} to {destination}. The outward flight is on {date} and the "
            "hotel stay ends on {check_out}. Once you know both airport codes, get the flight with the "
            "lowest price, and after that a room, again the lowest price and within {limit} a night.",
            "How about a journey to {destination} for {name}, from {date} until {check_out}, leaving from "
            "{origin}? Search the airports, purchase the most affordable flight there, and then secure the "
            "most affordable hotel, {limit} a night being the most we pay.",
        ),
        validation=(
            "For {name}: the airports of {origin} and {destination}, the cheapest flight on {date}, and "
            "until {check_out} the cheapest hotel (limit {limit}).",
        ),
        test=(
            "{name} wants to visit {destination} from {date} to {check_out}, starting in {origin}. Get the "
            "airport codes, buy the cheapest outbound ticket, and reserve the cheapest hotel below {limit} "
            "a night.",
            "Please take care of the journey of {name} from {origin} to {destination}: airports, cheapest "
            "flight on {date}, cheapest hotel until {check_out}. No hotel above {limit}.",
        ),
    ),
}

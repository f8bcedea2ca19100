"""Requests that no tool serves: what to refuse, and what to answer from knowledge or from what was said."""

from __future__ import annotations

from lab.scenarios.generate.phrases import more
from lab.scenarios.generate.wording import Phrases

# Acts that no tool of any world carries out.
_OUTSIDE = Phrases(
    train=(
        "[Can you order|Order] me a pizza with {thing}.",
        "Paint my {room} {color}, please.",
        "[Call|Phone] my sister and sing her a birthday song about {thing}.",
        "Post a picture of {thing} [on my profile|to my followers].",
        "[Buy|Get] me shares of a company that makes {thing}.",
        "Translate the label on my {thing} jar into Finnish and print it.",
        "Feed the cat some {thing} at noon.",
        "Record the {color} bird that sings outside my {room}.",
        "Vote for {color} in the {thing} poll for me.",
        "Could you go to the market and fetch a kilo of {thing}?",
        "Somebody has to iron my {color} shirt. Do it, please.",
        "I need the carpet in my {room} vacuumed by this evening.",
        "Taste the {thing} and say whether I can still eat it.",
        "Would you be so kind as to carry the {color} sofa out of the {room}?",
        "It would be lovely if you gave my bicycle a {color} coat of varnish.",
    ),
    validation=("Knit me a {color} scarf with {thing} on it.", "Please walk the dog past the {thing} shop."),
    test=(
        "Would you water the {color} flowers in my {room}?",
        "Bake a cake with {thing} for tonight.",
        "Please fix the {color} lamp that fell down in my {room}.",
        "Stream a film about {thing} on my screen.",
    ),
)
OUTSIDE = _OUTSIDE.with_more(more("smalltalk").get("outside", ()))
# Greedy decoding takes the likeliest token: where refusals began in several ways, each alone would have to be
# likelier than a call. So all of them begin with one word, as questions that ask back do ("Which").
REFUSALS = (
    "Sorry, I cannot do that [here|with my tools].",
    "Sorry, [that|this] is outside of what I can do.",
    "Sorry, I have no tool for that and cannot help with it.",
)
FILLINGS = {
    "thing": ("mushrooms", "olives", "cherries", "pears", "walnuts", "honey", "tomatoes", "cheese"),
    "room": ("kitchen", "office", "hall", "garden"),
    "color": ("blue", "yellow", "green", "red", "white"),
}

# Question templates per answer; what is asked needs no tool.
_GENERAL: tuple[tuple[Phrases, str], ...] = (
    (
        Phrases(
            train=(
                "[What is|Tell me] the capital of Canada?",
                "Which city is Canada's capital?",
                "I need to know the Canadian capital.",
                "Do you know in which city the government of Canada sits?",
                "What city does Canada have as its capital?",
                "In a quiz they ask for Canada's capital. What do I answer?",
                "Can you help me with geography? I am looking for the capital of Canada.",
            ),
            validation=("Canada's capital: which city is it?",),
            test=(
                "I forgot what the capital city of Canada is called.",
                "Name the capital of Canada for me.",
            ),
        ),
        "The capital of Canada is Ottawa.",
    ),
    (
        Phrases(
            train=(
                "How many minutes are [in|there in] three hours?",
                "What are three hours in minutes?",
                "How long is three hours, counted in minutes?",
                "Convert three hours to minutes[, please|].",
                "My train takes three hours. Express that in minutes.",
                "Could you work out the minutes in three hours?",
                "A film runs for three hours; tell me its length in minutes.",
            ),
            validation=("Three hours: how many minutes would that be?",),
            test=("If I wait for three hours, how many minutes is that?", "Give me three hours as minutes."),
        ),
        "Three hours are 180 minutes.",
    ),
    (
        Phrases(
            train=(
                "What can you do?",
                "[How can you help|What can you help] me [with|with here]?",
                "Who are you?",
                "Which tasks can I give you?",
                "Introduce yourself, please.",
                "I am new here. What is this assistant for?",
                "Explain what you are meant to help with.",
                "What are you able to do for me?",
            ),
            validation=("Tell me about yourself.",),
            test=("What are you good for?", "Before we begin: what sort of help do you offer?"),
        ),
        "I help with requests that my tools cover. [What do you need|What can I do for you]?",
    ),
    (
        Phrases(
            train=(
                "Thanks, that is all[ for today|].",
                "Great, [nothing else|no more questions].",
                "Perfect, bye!",
                "That will do, thank you.",
                "I have what I needed. See you!",
                "Wonderful, I am done[ here|].",
                "Okay, we can stop here. Thanks.",
                "All settled, have a nice evening!",
            ),
            validation=("That was everything.",),
            test=("You have been very helpful, goodbye.", "No further wishes on my side."),
        ),
        "You are welcome. [Have a good day|Goodbye]!",
    ),
    (
        Phrases(
            train=(
                "What does [the abbreviation|the word] VAT mean?",
                "[Explain|Define] VAT in one sentence.",
                "Could you tell me the meaning of VAT?",
                "My invoice mentions VAT. What kind of charge is it?",
                "Which words are abbreviated as VAT?",
                "Please describe VAT to somebody who has never heard of it.",
                "I do not know the term VAT, can you help?",
            ),
            validation=("VAT, what is that?",),
            test=("I always see VAT on bills. What does it stand for?", "Spell out VAT for me, please."),
        ),
        "VAT is value added tax, a tax on the price of goods and services.",
    ),
    (
        Phrases(
            train=(
                "Is 2028 a leap year?",
                "[Does|Will] 2028 have 366 days?",
                "Is there a leap day in 2028?",
                "Does the year 2028 have one day more than usual?",
                "I think 2028 is a leap year, am I right?",
                "Does a leap year come round in 2028?",
                "Check for me if 2028 is longer than a normal year.",
            ),
            validation=("How many days does 2028 have?",),
            test=("Will February 2028 have a 29th day?", "Tell me whether 2028 is a leap year."),
        ),
        "Yes, 2028 is a leap year with 366 days.",
    ),
    (
        Phrases(
            train=(
                "Say hello in Spanish.",
                "[What is|How do I say] hello in Spanish?",
                "Translate hello into Spanish.",
                "Which word do Spaniards use for hello?",
                "I am greeting a guest from Spain. What is hello in her language?",
                "Teach me the Spanish greeting that means hello.",
                "Could you give me hello in Spanish?",
            ),
            validation=("Hello, but in Spanish?",),
            test=("How would a person from Madrid say hello?", "I need the Spanish word for hello."),
        ),
        "Hello is hola in Spanish.",
    ),
    (
        Phrases(
            train=(
                "[Are you|Am I talking to] a human?",
                "Are you a real person?",
                "Is there a human on the other end?",
                "Are you a bot?",
                "Who answers me here, a machine or a colleague?",
                "I would like to know if somebody of flesh and blood is writing this.",
                "Is it software that replies to me?",
            ),
            validation=("Is this a machine that I write with?",),
            test=("Do I speak with a person or a program?", "You are not human, are you?"),
        ),
        "I am a program, an assistant that works with tools.",
    ),
)

GENERAL = tuple(
    (phrases.with_more(more("smalltalk").get(f"general{number}", ())), answer)
    for number, (phrases, answer) in enumerate(_GENERAL)
)

RECALL = Phrases(
    train=(
        "[What was|Tell me] the {label} again?",
        "Sorry, I did not note the {label}.",
        "Could you repeat the {label}[, please|]?",
        "Which {label} was it?",
        "I have already forgotten the {label}.",
        "Can you remind me of the {label}?",
        "Say the {label} again, please.",
        "My pen failed me: how did the {label} go?",
    ),
    validation=("The {label} once more?",),
    test=("I missed the {label}. What did you say?", "Please give me the {label} one more time."),
)
OUT_OF_ORDER = Phrases(
    train=(
        "The tool {tool} is out of order: never call it.",
        "Do not use {tool} today; it is under repair.",
        "{tool} is [switched off|disabled]: tell users that it cannot be used.",
        "{tool} has a fault. Refuse whatever would need it.",
        "Because of maintenance nobody may use {tool}; decline such requests.",
        "You have no permission for {tool}. Say so if a user needs it.",
        "The system behind {tool} is down, so leave it alone[ and explain this to users|].",
        "Important: stay away from {tool}, which is broken[ at present|].",
        "{tool} is locked until the audit is over, so turn down whatever takes it.",
        "Users may see {tool} among the tools, but it is not for use[ this week|].",
        "Should a request need {tool}, say no: the service has an outage.",
        "No {tool} [for now|today]! It returns wrong data.",
        "Every tool may be called except {tool}.",
        "We have suspended {tool}. Tell people so, and call the other tools as usual.",
        "Leave {tool} alone whatever the user says.",
        "The licence of {tool} has expired; it is off limits.",
        "Since an incident this morning {tool} is blocked, and requests for it are to be declined.",
        "Your rights do not cover {tool}.",
        "Hands off {tool}: it is being repaired. All else works.",
        "Management has withdrawn {tool}, so nothing may be done with it.",
        "{tool} is read-locked and unusable; apologize when somebody wants it.",
        "Avoid {tool} at all costs, since it crashes.",
        "There is a ban on {tool}. Apart from that you may do anything.",
        "While {tool} is being replaced, answer requests for it with a refusal.",
    ),
    validation=("Until further notice {tool} must not be called.",),
    test=(
        "Note: {tool} does not work at the moment and must not be used.",
        "Calling {tool} is forbidden today.",
    ),
)

"""What users say to the knowledge assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "fact": Phrases(
        train=(
            "What is the {prop} of the {product}?",
            "[Please look up|Look up] the {prop} of the {product}[ and cite the passage|].",
            "A customer asks for the {prop} of the {product}.",
            "{product}: {prop}?",
            "I am on the phone with a client who owns the {product} and needs its {prop}.",
            "Could you check the documentation for the {prop} of the {product}?",
            "What do we state as {prop} for the {product}?",
            "Find the figure for {prop}[, with its source|]; the device is the {product}.",
        ),
        validation=("I cannot remember the {prop} of the {product}. What do the documents say?",),
        test=(
            "According to our documents, what {prop} does the {product} have?",
            "Somebody wants to know the {prop} of the {product}. Please find out.",
        ),
    ),
    "both": Phrases(
        train=(
            "[Compare|I want to compare] the {prop} of the {first} and the {second}.",
            "Which {prop} do the {first} and the {second} have?",
            "What is the {prop} of the {first}, and that of the {second}?",
            "I am choosing between the {first} and the {second}; the {prop} of each would help me.",
            "Put the {prop} of the {first} next to that of the {second}.",
            "Could you tell me two figures: the {prop} of the {first} and of the {second}?",
            "The {first} or the {second}: what {prop} does each of them come with?",
            "Look up the {first} as well as the {second}. All I need is the {prop}.",
        ),
        validation=("{prop}: {first} against {second}, please.",),
        test=(
            "How do the {first} and the {second} differ in {prop}?",
            "Please find the {prop} both for the {first} and for the {second}.",
        ),
    ),
    "absent": Phrases(
        train=(
            "What is the {prop} of the {product}? [If the documents do not say|If it is not in the "
            "documents], report it as a gap in the {collection}.",
            "Look up the {prop} of the {product}; should it not be documented, report a gap in the "
            "{collection}.",
            "Do we document the {prop} of the {product}? [Search for it.|Have a look.] If you cannot "
            "find it, note the missing information as a gap in the {collection}.",
            "I am after the {prop} of the {product}. Without a result, the {collection} have a gap, so "
            "report it.",
            "Search our documents for the {product} and its {prop}. Nothing there? Then log that as a "
            "gap for the {collection}.",
            "Could you see whether we mention the {prop} that the {product} has, and report the gap in "
            "the {collection} if we do not?",
            "A client needs to learn the {prop} of the {product}. When our texts leave this open, we "
            "register a gap for the {collection}; please do so too.",
        ),
        validation=(
            "{prop} of the {product}? No answer in the documents means a gap to report for the {collection}.",
        ),
        test=(
            "Please check the {prop} of the {product}. In case nothing is written about it, file a gap "
            "under {collection}.",
            "The {prop} of the {product}, please, or else a gap report ({collection}).",
        ),
    ),
    "wrong": Phrases(
        train=(
            "Passage {passage} is outdated: the {prop} is {new} now. [Read it and suggest a "
            "correction.|Check it and suggest a correction.]",
            "Read passage {passage} and suggest {new} as its {prop}.",
            "Our {prop} has changed to {new}, but {passage} still shows the old figure. View the "
            "passage, then submit a correction.",
            "Could you look at what {passage} says on {prop} and propose changing it to {new}?",
            "The text of {passage} contains an error in the {prop}. After reading it, recommend {new} "
            "in place of the old figure.",
            "Fetch passage {passage} and send in a correction that puts the {prop} at {new}.",
            "{new} is the true {prop}. Go and see what {passage} claims, and report the mistake as a "
            "correction.",
        ),
        validation=("The {prop} in {passage} should be {new}. Look at it, then propose the correction.",),
        test=(
            "I believe {passage} gives a wrong {prop}; {new} is right. Have a look and hand in a correction.",
            "Open {passage}. Its {prop} must be {new}: please suggest that.",
        ),
    ),
    "outline": Phrases(
        train=(
            "Which {collection} are there? Open the one about {topic} and show its passages.",
            "[List|Show] the {collection}, then the passages of the one on {topic}.",
            "Find the document about {topic} among the {collection} and outline it for me.",
            "What passages does our document on {topic} consist of? [It is one of the|Look for it in "
            "the] {collection}.",
            "I would like the structure of a document. Its subject is {topic} and it belongs to the "
            "{collection}, so check that list[ first|].",
            "Could you list all {collection} and, for {topic}, break the document down into its passages?",
            "Somewhere in the {collection} we cover {topic}. Locate that document and give an overview "
            "of its parts.",
        ),
        validation=("Go through the {collection} to the document on {topic} and give me its passages.",),
        test=(
            "From the {collection}, take the document on {topic} and tell me which passages it has.",
            "See what {collection} exist; I need the outline of the one about {topic}.",
        ),
    ),
    "terms": Phrases(
        train=(
            "What [do|does the glossary say that] {terms} mean?",
            "[Explain|Define] {terms}.",
            "What is meant by {terms}?",
            "Could you look up {terms} in the glossary?",
            "I do not understand the words {terms}. [Help me|Can you help me], please.",
            "How does our company define {terms}?",
            "A colleague used the expressions {terms}; I would like to know their meaning.",
            "Tell me what {terms} stand for.",
        ),
        validation=("Glossary entries for {terms}, please.",),
        test=("I keep reading {terms}. What does our glossary say?", "Please clear up the terms {terms}."),
    ),
    "article": Phrases(
        train=(
            "Add an article to the {collection}:\n{title}\n{facts}{owner}",
            "[Save|Store] this under {collection}.\nTitle: {title}\n{facts}{owner}",
            "New article ({collection})\n{title}\n{facts}{owner}",
            "Could you write this up as an article?\nCollection: {collection}\nTitle: "
            "{title}\n{facts}{owner}",
            "I have something new for the {collection}. Create an article from "
            "it.\n\n{title}\n{facts}{owner}",
            "Title: {title}\n{facts}{owner}\nEnter that in the {collection}, please.",
            "{title}\n{facts}{owner}\n\nI would like this to appear as an article among the {collection}.",
            "We want a page called {title} in the {collection}.\n{facts}{owner}",
        ),
        validation=('Please publish in {collection}:\n"{title}"\n{facts}{owner}',),
        test=(
            "Make an article in {collection} from my notes.\n# {title}\n{facts}{owner}",
            "The {collection} lack this:\n{title}\n{facts}{owner}\nPlease add it.",
        ),
    ),
    "mark": Phrases(
        train=(
            'Bookmark passage {passage} with the note "{note}".',
            '[Put|Set] a bookmark on {passage}, note: "{note}".',
            'I want to find {passage} again later: bookmark it and write "{note}" beside it.',
            'Could you add {passage} to my bookmarks? The note should read "{note}".',
            'Use "{note}" as the note of a new bookmark for passage {passage}.',
            'Create a bookmark. Passage: {passage}. Note: "{note}".',
            'Please save passage {passage} among the bookmarks, labeled "{note}".',
            '"{note}" is what the bookmark that you make for {passage} should say.',
        ),
        validation=('{passage} deserves a bookmark saying "{note}".',),
        test=(
            'Please remember {passage} for me, with "{note}" as a note.',
            'Keep {passage} as a bookmark and note "{note}".',
        ),
    ),
    "rate": Phrases(
        train=(
            "[Rate|Give] passage {passage} {stars} stars.",
            "{passage} was worth {stars} stars.",
            "Could you score {passage} with {stars} stars?",
            "Having read {passage}, I award it {stars} stars.",
            "How good was {passage}? Put down {stars} stars.",
            "Passage {passage} gets {stars} stars from me.",
            "I want to leave feedback on {passage}, a rating with {stars} stars.",
            "My verdict is {stars} stars; it is meant for passage {passage}.",
        ),
        validation=("{stars} stars for {passage}.",),
        test=("I would give {passage} {stars} stars.", "Let {passage} have a rating of {stars}."),
    ),
    "vague": Phrases(
        train=(
            "What is the {prop}?",
            "[Tell me|I need] the {prop}.",
            "I would like to know the {prop}.",
            "Please look the {prop} up.",
            "What {prop} does it have[ according to the documents|]?",
            "A caller is waiting for the {prop}.",
            "Which {prop} [is given|do we state]?",
            "Check the documents for the {prop}.",
        ),
        validation=("How about the {prop}?",),
        test=("A customer asks about the {prop}.", "Could you find out the {prop}?"),
    ),
    "of": Phrases(
        train=(
            "Of the {product}.",
            "[I mean|It is about] the {product}.",
            "The {product}.",
            "I am talking about the {product}.",
            "Please check the {product}.",
            "That would be the {product}.",
            "Sorry, I should have said: the {product}.",
        ),
        validation=("The {product}'s.",),
        test=("The question is about the {product}.", "For the {product}, please."),
    ),
    "more": Phrases(
        train=(
            "And the {prop}?",
            "What about its {prop}?",
            "Now tell me the {prop}[ as well|].",
            "Same product: what is the {prop}?",
            "Could you check the {prop} of it next?",
            "I forgot to ask about the {prop}.",
            "Please look up the {prop} of the same device.",
            "How is it with the {prop}?",
        ),
        validation=("Its {prop} too, please.",),
        test=("I would also like its {prop}.", "Then there is the {prop}: how much?"),
    ),
}

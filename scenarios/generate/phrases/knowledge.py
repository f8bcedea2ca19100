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
        ),
        validation=("Glossary entries for {terms}, please.",),
        test=("I keep reading {terms}. What does our glossary say?", "Please clear up the terms {terms}."),
    ),
    "article": Phrases(
        train=(
            "Add an article to the {collection}:\n{title}\n{facts}{owner}",
            "[Save|Store] this under {collection}.\nTitle: {title}\n{facts}{owner}",
            "New article ({collection})\n{title}\n{facts}{owner}",
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
        ),
        validation=('{passage} deserves a bookmark saying "{note}".',),
        test=(
            'Please remember {passage} for me, with "{note}" as a note.',
            'Keep {passage} as a bookmark and note "{note}".',
        ),
    ),
    "rate": Phrases(
        train=("[Rate|Give] passage {passage} {stars} stars.", "{passage} was worth {stars} stars."),
        validation=("{stars} stars for {passage}.",),
        test=("I would give {passage} {stars} stars.", "Let {passage} have a rating of {stars}."),
    ),
    "vague": Phrases(
        train=("What is the {prop}?", "[Tell me|I need] the {prop}."),
        validation=("How about the {prop}?",),
        test=("A customer asks about the {prop}.", "Could you find out the {prop}?"),
    ),
    "of": Phrases(
        train=("Of the {product}.", "[I mean|It is about] the {product}."),
        validation=("The {product}'s.",),
        test=("The question is about the {product}.", "For the {product}, please."),
    ),
    "more": Phrases(
        train=("And the {prop}?", "What about its {prop}?"),
        validation=("Its {prop} too, please.",),
        test=("I would also like its {prop}.", "Then there is the {prop}: how much?"),
    ),
}

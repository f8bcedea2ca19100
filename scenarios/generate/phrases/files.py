"""What users say to the files assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "change_setting": Phrases(
        train=(
            "Find the {kind} file with {stem} in its name under {folder}, read it, and replace {old} with "
            "{new}.",
            "There is a {kind} file below {folder} named after {stem}. [Read it and put|Open it, then "
            "put] {new} in place of {old}.",
            "In the {kind} file about {stem} under {folder} it says {old}. Look at it and make that {new}.",
        ),
        validation=(
            "{folder} has a {kind} file called something with {stem}: after reading it, turn "
            "{old} into {new}.",
        ),
        test=(
            "Locate {stem} (a {kind} file) in {folder}, view the content and update {old} to {new}.",
            "Please correct {old} in the {kind} file on {stem} inside {folder}. Check the text first; it "
            "should be {new}.",
        ),
    ),
    "file_away": Phrases(
        train=(
            "Make the folder {target} and move {source} into it[, keeping its name|]. [Then set it to "
            "{mode}.|Share it as {mode}.]",
            "{source} belongs in a new folder {target}: create it, move the file under the same name, "
            "then make it {mode}.",
        ),
        validation=("A new folder {target} is needed. {source} goes there, same name, visible as {mode}.",),
        test=(
            "Set up {target}, bring {source} over with its name unchanged, and change who may see it to "
            "{mode}.",
            "Please tidy up: {source} should live in {target}, which does not exist yet, and be {mode}.",
        ),
    ),
    "find_phrase": Phrases(
        train=(
            'Which file under {folder} mentions "{phrase}"? [Read|Open] it and add the line "{line}" at '
            "its end.",
            'Search {folder} for "{phrase}", read the file that has it, and append "{line}".',
        ),
        validation=('"{phrase}" stands in one file of {folder}. Open that one and put "{line}" at the end.',),
        test=(
            'Look through {folder} for the words "{phrase}"; view the file and extend it by the line '
            '"{line}".',
            'One of the files in {folder} contains "{phrase}". Please read it, then write "{line}" below '
            "everything else.",
        ),
    ),
    "backup": Phrases(
        train=(
            "Copy {source} to {copy}, then replace {old} with {new} in the original.",
            "[Before|First, before] you change anything, copy {source} to {copy}. Then replace {old} with "
            "{new} in {source}.",
            "Keep a copy of {source} as {copy} and swap {old} for {new} in the original.",
        ),
        validation=("{source}: back it up to {copy}; in the original {old} becomes {new}.",),
        test=(
            "I want {new} where {source} says {old}, but save the present version at {copy} beforehand.",
            "Please duplicate {source} at {copy}. After that exchange {old} for {new} in {source}.",
        ),
    ),
    "read_many": Phrases(
        train=("[Read|Show me] {paths}.", "What do {paths} say?", "Open {paths} [for me|]."),
        validation=("I would like the contents of {paths}.",),
        test=("Display the text of {paths}.", "Let me see what is inside {paths}."),
    ),
    "info_many": Phrases(
        train=(
            "How long are {paths}, and who may see them?",
            "[Show|Give me] size and sharing mode of {paths}.",
        ),
        validation=("Sizes and modes for {paths}?",),
        test=("Who can see {paths} and how big are they?", "Look up the size and visibility of {paths}."),
    ),
    "missing": Phrases(
        train=(
            "Read {path}. [If it is not there|If it does not exist], find the file by the name {stem} "
            "under {folder} and read that.",
            "Show me {path}; should it be missing, search {folder} for {stem} and open what you find.",
        ),
        validation=("{path}, please. It may have moved within {folder}: then look for {stem} and read it.",),
        test=(
            "Open {path}. In case it is gone, locate {stem} anywhere in {folder} and open it there.",
            "I need the text of {path} (perhaps it now lies elsewhere in {folder}; its name has {stem} in "
            "it).",
        ),
    ),
    "read_only": Phrases(
        train=(
            'Add the line "{line}" to {path}. If the file is read-only, copy it to {copy} and add the '
            "line there.",
            'Append "{line}" to {path}, or, if it is read-only, to a copy at {copy}.',
        ),
        validation=('"{line}" goes at the end of {path}; write protection means a copy at {copy} gets it.',),
        test=(
            'Please extend {path} by "{line}". When that is refused as read-only, make a copy {copy} and '
            "extend the copy.",
            '{path} needs "{line}" at the bottom. Protected? Then copy to {copy} and use that.',
        ),
    ),
    "note": Phrases(
        train=(
            "Save this note as {path}:\n{content}",
            "[Please write|Write] the following into a new file {path}.\n{content}",
            "New file {path}, content:\n{content}",
        ),
        validation=("Put the text below in {path}.\n{content}",),
        test=(
            "Create {path} with exactly this text:\n{content}",
            "The note underneath should become {path}.\n{content}",
        ),
    ),
    "archive": Phrases(
        train=(
            "Pack {paths} into {archive}.",
            "[Zip|Bundle] {paths} as {archive}.",
            "Make the archive {archive} from {paths}.",
        ),
        validation=("{archive} should hold {paths}.",),
        test=("Please compress {paths} to {archive}.", "I need {paths} together in {archive}."),
    ),
    "remove_missing": Phrases(
        train=(
            "[Delete|Remove] the {stem} file in {folder}.",
            "Please get rid of the {stem} file in {folder}.",
        ),
        validation=("The {stem} file of {folder} can go.",),
        test=(
            "I do not need the {stem} file from {folder} any more.",
            "Erase the file on {stem} that is in {folder}.",
        ),
    ),
    "remove": Phrases(
        train=("The {kind} one.", "[I mean|Only] the {kind} file."),
        validation=("{kind}, please.",),
        test=("It is the one ending in {kind}.", "Take the {kind} version."),
    ),
    "rename": Phrases(
        train=(
            "Rename {source} to {name}, [in the same folder|same folder].",
            "{source} should be called {name}.",
        ),
        validation=("New name for {source}: {name}.",),
        test=("Please change the file name of {source} to {name}.", "Call {source} {name} from now on."),
    ),
    "duplicate": Phrases(
        train=(
            "[Duplicate|Make a copy of] {source} as {copy}; keep both.",
            "I want a second {source} at {copy}.",
        ),
        validation=("{copy} shall be a copy of {source}.",),
        test=("Leave {source} in place and put a copy at {copy}.", "Please clone {source} to {copy}."),
    ),
    "what": Phrases(
        train=("What is in {folder}?", "[List|Show] the folder {folder}."),
        validation=("Contents of {folder}?",),
        test=("Which files does {folder} hold?", "Let me look into {folder}."),
    ),
    "open_it": Phrases(
        train=("[Read|Open] {name}.", "Show me {name}."),
        validation=("{name}, please.",),
        test=("What does {name} say?", "Let us look at {name}."),
    ),
    "share_it": Phrases(
        train=("[Make|Set] it {mode}.", "It should be {mode}."),
        validation=("Mode {mode} for that file.",),
        test=("Please change its visibility to {mode}.", "{mode} is right for this file."),
    ),
}

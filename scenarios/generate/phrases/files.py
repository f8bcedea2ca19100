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
            "Can you look for a {kind} file called {stem} somewhere in {folder}, check what is in it and "
            "change {old} to {new}?",
            "I want {new} instead of {old} in the {stem} settings. They are in a {kind} file within "
            "{folder}; search for it and read it before you edit.",
            "{old} is wrong. The {kind} file whose name has {stem} in it, located in {folder}, needs "
            "{new} there. [View|Open] it before editing.",
            "Search {folder} for {stem} (type {kind}). Once you have read the file, substitute {new} for "
            "{old}.",
            "Swap {old} for {new} in a {kind} file. I forgot the exact path, but it is in {folder} and "
            "its name includes {stem}, so find it and read it first.",
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
            "Can you create {target}, put {source} in there without renaming it, and set its sharing to "
            "{mode}?",
            "I'd like {source} to sit in a folder of its own, {target}, under its present name. Create "
            "that folder first; once moved, the file gets the mode {mode}.",
            "Create the directory {target}. Next, transfer {source} to it under the old name. Last, give "
            "the file {mode} access.",
            "Please relocate {source}. The destination is {target}, a folder you have to make, and the "
            "file name stays. It ought to be {mode} afterwards.",
            "There is no {target} yet, so make it; then move {source} there, named as before, and mark "
            "it {mode}.",
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
            'Can you find the file in {folder} that talks about "{phrase}", take a look at it and add '
            '"{line}" as its last line?',
            'I need "{line}" added to the bottom of a file. It lies in {folder} and has "{phrase}" in '
            "its text; find it and read it first.",
            '"{line}" should become the final line of whichever file in {folder} includes "{phrase}". '
            "Read that file before you add it.",
            'Somewhere below {folder} a file says "{phrase}". Track it down, [read what it says|check '
            'its text], then attach the line "{line}".',
            'Do a text search for "{phrase}" in {folder}. Open the hit, and afterwards insert "{line}" '
            "at the very end.",
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
            "Can you change {old} to {new} in {source}? Make a backup at {copy} first.",
            "First a backup: {source} to {copy}. Then edit {source} so that {old} reads {new}.",
            "Store the current {source} under {copy}; once that is safe, {old} in the original [must|has "
            "to] be changed to {new}.",
            "{new} has to take the place of {old} in {source}. To be safe, make a copy called {copy} "
            "before the edit.",
            "I'd like to keep the old state of {source}, so copy it to {copy} and only then update the "
            "original from {old} to {new}.",
        ),
        validation=("{source}: back it up to {copy}; in the original {old} becomes {new}.",),
        test=(
            "I want {new} where {source} says {old}, but save the present version at {copy} beforehand.",
            "Please duplicate {source} at {copy}. After that exchange {old} for {new} in {source}.",
        ),
    ),
    "read_many": Phrases(
        train=(
            "[Read|Show me] {paths}.",
            "What do {paths} say?",
            "Open {paths} [for me|].",
            "Can you read {paths} to me?",
            "I need to know what is written in {paths}.",
            "Please print {paths}.",
            "[Give|Send] me the full wording of {paths}.",
            "What is the content of {paths}?",
        ),
        validation=("I would like the contents of {paths}.",),
        test=("Display the text of {paths}.", "Let me see what is inside {paths}."),
    ),
    "info_many": Phrases(
        train=(
            "How long are {paths}, and who may see them?",
            "[Show|Give me] size and sharing mode of {paths}.",
            "Can you check how large {paths} are and with whom they are shared?",
            "I need the character count and the access mode of {paths}.",
            "{paths}: what is their length, and are they private or shared?",
            "Please get the file info for {paths}, [size and mode|that is, length and sharing].",
            "Are {paths} public, team or private? Tell me their lengths too.",
            "File details of {paths}, please (length and who has access).",
        ),
        validation=("Sizes and modes for {paths}?",),
        test=("Who can see {paths} and how big are they?", "Look up the size and visibility of {paths}."),
    ),
    "missing": Phrases(
        train=(
            "Read {path}. [If it is not there|If it does not exist], find the file by the name {stem} "
            "under {folder} and read that.",
            "Show me {path}; should it be missing, search {folder} for {stem} and open what you find.",
            "Can you open {path}? It might have been moved. [If so|In that case], look for a file with "
            "{stem} in its name in {folder} and read it to me.",
            "I'd like to read {path}. When there is no such file, find where {stem} ended up within "
            "{folder} and show me that one.",
            "What does {path} say? Not there? Then the file named {stem} must be somewhere else in "
            "{folder}: find and read it.",
            "Try {path} first. If that fails, do a search by name for {stem} below {folder} and give me "
            "the text of the result.",
            "Get me the contents of {path} or, if there is nothing at that path, of the file called "
            "{stem} wherever it sits under {folder}.",
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
            'Can you write "{line}" at the end of {path}? If you are not allowed to change it, create a '
            "copy at {copy} and write the line into that.",
            'I want "{line}" as a new last line in {path}. Should the file refuse edits, duplicate it to '
            "{copy} and add the line to the duplicate.",
            'Try to append "{line}" to {path}. On a read-only error, copy the file to {copy} first and '
            "append to the copy.",
            'The line "{line}" is absent from {path}. Put it in last, and in case the file cannot be '
            "edited, work on a copy, {copy}, instead.",
            'Let {path} end with "{line}". It may not be writable; then {copy} should become a copy of '
            "it that has the extra line.",
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
            "Can you store this text in {path}?\n{content}",
            "I'd like a file {path} that contains these lines:\n{content}",
            "{content}\n\n[Save|Keep] the above as {path}.",
            "Write to {path}:\n{content}",
            "Take this down and keep it at {path}.\n{content}",
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
            "Can you put {paths} into one zip, {archive}?",
            "I'd like an archive of {paths} at {archive}.",
            "Create {archive}; {paths} go in.",
            "Archiving is due for {paths}. The zip file is {archive}.",
            "Please combine {paths} in a single file {archive}.",
        ),
        validation=("{archive} should hold {paths}.",),
        test=("Please compress {paths} to {archive}.", "I need {paths} together in {archive}."),
    ),
    "remove_missing": Phrases(
        train=(
            "[Delete|Remove] the {stem} file in {folder}.",
            "Please get rid of the {stem} file in {folder}.",
            "Can you delete {stem} from {folder}?",
            "In {folder} there is a file {stem}. Throw it away.",
            "I want the file named {stem} gone from {folder}.",
            "{folder} still has {stem} in it; please delete that file.",
            "Clear {stem} out of {folder}, that file is obsolete.",
            "Nobody uses the {stem} file in {folder}, so drop it.",
        ),
        validation=("The {stem} file of {folder} can go.",),
        test=(
            "I do not need the {stem} file from {folder} any more.",
            "Erase the file on {stem} that is in {folder}.",
        ),
    ),
    "remove": Phrases(
        train=(
            "The {kind} one.",
            "[I mean|Only] the {kind} file.",
            "Delete the one whose type is {kind}.",
            "That would be the {kind} file.",
            "I was talking about {kind}.",
            "The [file of type|one with extension] {kind}.",
            "Just the {kind} one, leave the other.",
            "The {kind} file has to go, the other one stays.",
        ),
        validation=("{kind}, please.",),
        test=("It is the one ending in {kind}.", "Take the {kind} version."),
    ),
    "rename": Phrases(
        train=(
            "Rename {source} to {name}, [in the same folder|same folder].",
            "{source} should be called {name}.",
            "Can you give {source} the name {name}?",
            "I'd like {source} to be named {name}, without moving it elsewhere.",
            "{name} is a better name for {source}; rename it, please.",
            "The file {source} has the wrong name. It [must|has to] be {name}.",
            "Keep {source} where it is but rename it to {name}.",
            "From {source} to {name}: a rename within the folder.",
        ),
        validation=("New name for {source}: {name}.",),
        test=("Please change the file name of {source} to {name}.", "Call {source} {name} from now on."),
    ),
    "duplicate": Phrases(
        train=(
            "[Duplicate|Make a copy of] {source} as {copy}; keep both.",
            "I want a second {source} at {copy}.",
            "Can you copy {source} to {copy}?",
            "I need {source} twice: where it is now and at {copy}.",
            "Copy {source}; the new one goes to {copy} and the old one stays.",
            "Create {copy} as a duplicate of {source}.",
            "Replicate {source} at {copy}.",
            "Besides its own place, {source} should also be available at {copy}, so copy it.",
        ),
        validation=("{copy} shall be a copy of {source}.",),
        test=("Leave {source} in place and put a copy at {copy}.", "Please clone {source} to {copy}."),
    ),
    "what": Phrases(
        train=(
            "What is in {folder}?",
            "[List|Show] the folder {folder}.",
            "Can you tell me what is stored in {folder}?",
            "I need an overview of {folder}.",
            "Give me a listing of {folder}.",
            "Is there anything in {folder}?",
            "Browse {folder} and name the entries.",
            "Please look up what {folder} contains.",
        ),
        validation=("Contents of {folder}?",),
        test=("Which files does {folder} hold?", "Let me look into {folder}."),
    ),
    "open_it": Phrases(
        train=(
            "[Read|Open] {name}.",
            "Show me {name}.",
            "Can you read {name} to me?",
            "I want to see {name}.",
            "And the text of {name}?",
            "Please display {name}.",
            "[Give|Send] me the content of {name}.",
            "What is written in {name}?",
        ),
        validation=("{name}, please.",),
        test=("What does {name} say?", "Let us look at {name}."),
    ),
    "share_it": Phrases(
        train=(
            "[Make|Set] it {mode}.",
            "It should be {mode}.",
            "Can you share it as {mode}?",
            "I'd like it to be {mode}.",
            "Change the access to {mode}.",
            "Now mark the file as {mode}.",
            "From now on this file is {mode}.",
            "Give it the mode {mode}.",
        ),
        validation=("Mode {mode} for that file.",),
        test=("Please change its visibility to {mode}.", "{mode} is right for this file."),
    ),
}

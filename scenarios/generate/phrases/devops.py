"""What users say to the devops assistant."""

from __future__ import annotations

from lab.scenarios.generate.wording import Phrases

PHRASES = {
    "roll_back": Phrases(
        train=(
            "[Check|Have a look at] {service}. If production is unhealthy, roll it back to the release "
            "before the current one.",
            "{service} [looks|seems] broken in production. See its health and releases, then roll back by "
            "one release.",
            "If {service} is unhealthy in production, go back to its previous release.",
        ),
        validation=("Is {service} healthy in production? If not, put the release before this one back.",),
        test=(
            "Users complain about {service}. Verify its health; when it is bad, return to the prior release.",
            "Please examine {service} and, should it be unhealthy, revert production to the last release "
            "before the current.",
        ),
    ),
    "promote": Phrases(
        train=(
            "Deploy the newest release of {service} to {environment}{canary}, then check its health there.",
            "[Ship|Roll out] the latest release of {service} to {environment}{canary} and confirm that it "
            "is healthy.",
            "Find the newest release of {service} and deploy it to {environment}{canary}. [Check health "
            "afterwards.|Then check "
            "the health.]",
        ),
        validation=(
            "{environment} should get the most recent {service} release{canary}; verify its health after "
            "that.",
        ),
        test=(
            "Bring {service} in {environment} to its latest release{canary}. Look at the health once it "
            "is out.",
            "The newest {service} build belongs on {environment}{canary}. Deploy and then tell me whether "
            "it is healthy.",
        ),
    ),
    "alert": Phrases(
        train=(
            "Take over alert {alert}, [check|read] the metric it is about, and page team {team} with "
            '"{message}".',
            "Alert {alert} [fired|came in]: acknowledge it, look at its metric, then page {team}: "
            '"{message}".',
        ),
        validation=(
            'I got {alert}. Acknowledge, read the metric, and page {team} with the words "{message}".',
        ),
        test=(
            "Please handle {alert}: acknowledge, see how that metric stands now, and send a page "
            '"{message}" to {team}.',
            '{alert} is ringing. Take it, measure what it is about and wake {team}, saying "{message}".',
        ),
    ),
    "logs": Phrases(
        train=(
            'Search the errors of {service} for "{phrase}". [If there are any|If you find some], restart '
            "{service}{where} and "
            "check its health{where}.",
            'Are there error lines with "{phrase}" in the logs of {service}? If so, restart it{where} and '
            "verify its "
            "health{where}.",
        ),
        validation=(
            'Errors that mention "{phrase}" in {service}: if they exist, restart{where} and look at the '
            "health{where}.",
        ),
        test=(
            'Look into the error logs of {service} for "{phrase}". In case of a hit, restart the '
            "service{where}, then report "
            "its health{where}.",
            'I suspect "{phrase}" among the errors of {service}. If confirmed: restart{where}, then a '
            "health check{where}.",
        ),
    ),
    "health": Phrases(
        train=(
            "[Check the health|How is the health] of {services}{where}?",
            "[Are|Is everything fine with] {services} healthy{where}?",
            "Health check{where}: {services}.",
        ),
        validation=("Do {services} run well{where}?",),
        test=("I want to know if {services} are up{where}.", "Report the state of {services}{where}."),
    ),
    "metrics": Phrases(
        train=(
            "[Show|Give me] the {metrics} of {service} over the last {minutes} minutes.",
            "What were {metrics} of {service} in the past {minutes} minutes?",
            "{service}: {metrics}, last {minutes} minutes.",
        ),
        validation=("For {service}, read {metrics} over {minutes} minutes.",),
        test=(
            "How did {service} do in the last {minutes} minutes? I need {metrics}.",
            "Fetch {metrics} for {service}, looking back {minutes} minutes.",
        ),
    ),
    "scale": Phrases(
        train=(
            "Scale {service} to {many} replicas, [or to|if that is refused to] as many as the quota allows.",
            "[Set|Bring] {service} to {many} replicas. If the quota is lower, use the quota.",
        ),
        validation=("{many} replicas for {service}; take the maximum if that exceeds the quota.",),
        test=(
            "We need {many} replicas of {service}. Should the quota forbid it, go as high as permitted.",
            "Raise {service} to {many} replicas, else to the highest allowed number.",
        ),
    ),
    "locked": Phrases(
        train=(
            "Restart {service} in staging. If it is locked, [silence|mute] alert {alert} for {minutes} "
            "minutes instead.",
            "Please restart {service} in staging, or mute {alert} for {minutes} minutes if a lock "
            "prevents it.",
        ),
        validation=("Staging: restart {service}. Locked? Then {alert} goes quiet for {minutes} minutes.",),
        test=(
            "Try a restart of {service} on staging; when it is locked, quiet {alert} during {minutes} "
            "minutes.",
            "{service} in staging needs a restart. If that is blocked, keep {alert} silent for {minutes} "
            "minutes.",
        ),
    ),
    "incident": Phrases(
        train=(
            "Open an incident:\nTitle: {title}\nSeverity: {severity}\nAffected: {services}{reporter}",
            "Please file this as an incident.\n{title} ({severity}). It hits {services}.{reporter}",
            "Incident report\nservices {services}\nwhat: {title}\nlevel {severity}{reporter}",
        ),
        validation=('From the war room: "{title}", {severity}, {services}{reporter}\nOpen an incident.',),
        test=(
            "Create an incident from these notes.\n- {severity}\n- {services}\n- {title}{reporter}",
            "Log as incident\nSummary: {title}\nClass: {severity}\nSystems: {services}{reporter}",
        ),
    ),
    "flag_missing": Phrases(
        train=(
            "Turn on the flag [for some users|for a part of the users].",
            "[Enable|Activate] the new feature flag for part of the traffic.",
        ),
        validation=("A feature flag has to be on for a fraction of users.",),
        test=("Please switch the flag on gradually.", "Some users should get the flag now."),
    ),
    "flag": Phrases(
        train=("[It is|The flag is] {flag}, {percent} percent.", "{flag}, for {percent} %."),
        validation=("{percent} percent, and its name is {flag}.",),
        test=("I mean {flag} at {percent} percent.", "Its name: {flag}. Share: {percent} %."),
    ),
    "restart": Phrases(
        train=(
            "Restart {service}{where}; [keep|do not change] its version.",
            "{service} hangs{where}. Restart it with the same version.",
        ),
        validation=("Same version, fresh start: {service}{where}.",),
        test=(
            "Give {service} a restart{where} without touching the release.",
            "{service} is stuck{where}, so restart it as it is.",
        ),
    ),
    "silence": Phrases(
        train=(
            "[Mute|Silence] {alert} for {minutes} minutes.",
            "{alert} is noise: mute it for {minutes} minutes.",
        ),
        validation=("No more of {alert} for {minutes} minutes.",),
        test=(
            "I do not want to hear {alert} in the next {minutes} minutes.",
            "Keep {alert} quiet for {minutes} minutes.",
        ),
    ),
    "off": Phrases(
        train=("[Switch|Turn] {flag} off.", "Disable the flag {flag}."),
        validation=("{flag} must be off.",),
        test=("Please deactivate {flag}.", "Flag {flag} has to go off now."),
    ),
    "releases": Phrases(
        train=(
            "[Which|What] are the last {limit} releases of {service}?",
            "List the last {limit} releases of {service}.",
        ),
        validation=("Release history of {service}, {limit} entries.",),
        test=(
            "Show me the {limit} newest releases of {service}.",
            "The most recent {limit} versions of {service}?",
        ),
    ),
    "deploy_it": Phrases(
        train=("Deploy {version} to {environment}.", "[Put|Bring] {version} on {environment}."),
        validation=("{environment} gets {version}.",),
        test=("I want {version} in {environment}.", "Let {version} run in {environment}."),
    ),
    "scale_it": Phrases(
        train=("[And scale|Now scale] it to {many} replicas.", "It should have {many} replicas."),
        validation=("Then {many} replicas for it.",),
        test=("Give it {many} replicas as well.", "Also, set its replicas to {many}."),
    ),
    "release_train": Phrases(
        train=(
            "Take the newest release of {service} to staging, check its health there, then to production, "
            "check again, and page "
            '{team}: "{service} VERSION is live".',
            "[Release|Ship] {service}: newest release, first staging, then production, [with a health "
            "check after each|checking "
            'health after each]. Page {team} "{service} VERSION is live" with the version filled in.',
        ),
        validation=(
            '{service} newest release: staging, health, production, health, then "{service} VERSION is '
            'live" as a page to '
            "{team}.",
        ),
        test=(
            "Please bring the latest {service} through staging into production, looking at the health "
            "each time. In the end "
            '{team} gets the page "{service} VERSION is live" (put in the number).',
            "Roll {service} out in two steps, staging and production, newest release, health check each. "
            "Afterwards page "
            '"{service} VERSION is live" to {team}, with the actual version.',
        ),
    ),
}

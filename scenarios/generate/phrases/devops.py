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
            "My pager says that {service} is in trouble. Run a production health check; on a bad result, "
            "undo the latest deployment so that the version before it serves again.",
            "Does {service} pass its health check in production? [Step|Go] back one version if it does not.",
            "Undo the current release of {service} in production, but only if a health check shows that "
            "it is failing.",
            "I am worried about {service}. Find out how production is doing, and in case it is sick, "
            "downgrade it to the version we ran previously.",
            "Production of {service}: check first, and leave it alone if all is well. Otherwise the "
            "preceding release has to come back.",
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
            "Could you get the freshest release of {service} onto {environment}{canary} and see "
            "[if|whether] it comes up healthy?",
            "{service} is outdated in {environment}. Look up which release is newest, install that "
            "one{canary}, and finish with a health check.",
            "Time to update {environment}: push {service} at its latest version{canary}, then make sure "
            "it is well.",
            "I'd like {environment} to run the newest version of {service}. Release it{canary} and check "
            "on it afterwards.",
            "Update {service}: newest release, {environment}{canary}, health check after the deployment.",
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
            "Could you deal with {alert}? Confirm that we have seen it, pull the current value of its "
            'metric and then notify {team} with this page: "{message}".',
            '"{message}" is what {team} should be paged with, but first acknowledge {alert} and check '
            "the metric behind it.",
            "We have {alert} open. Mark it as acknowledged, get the reading of the metric it watches, "
            'and afterwards page {team}. [Text|Message]: "{message}".',
            'Ack {alert}, pull its metric, page {team} "{message}".',
            "I want {alert} acknowledged and its metric looked up; after that, let {team} know by page: "
            '"{message}".',
            "Somebody has to respond to {alert}, so accept it and find out what value the metric has. "
            'Then contact the people of {team} with a page that reads "{message}".',
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
            'Has {service} logged any errors containing "{phrase}"? [If yes|If it has], bounce it{where} '
            "and see whether it is healthy again{where}.",
            'Only restart {service}{where} if its error log contains "{phrase}"; once you have, check '
            "how healthy it is{where}.",
            '{service} may be throwing "{phrase}" again. Grep its errors for that. Any match means a '
            "restart{where} followed by a health check{where}.",
            'Can you find "{phrase}" in what {service} logs at error level? No match, no action; '
            "otherwise reboot the service{where} and tell me its health{where}.",
            'Please query the logs of {service}, errors only, with the text "{phrase}". Should anything '
            "come back, restart the thing{where} and test whether it is well{where}.",
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
            "Could you check on {services}{where}[ for me|]?",
            "Tell me whether {services} are in good shape{where}.",
            "{services}: healthy or not{where}?",
            "I need a health status for each of {services}{where}.",
            "Which of {services} are unhealthy{where}, if any?",
        ),
        validation=("Do {services} run well{where}?",),
        test=("I want to know if {services} are up{where}.", "Report the state of {services}{where}."),
    ),
    "metrics": Phrases(
        train=(
            "[Show|Give me] the {metrics} of {service} over the last {minutes} minutes.",
            "What were {metrics} of {service} in the past {minutes} minutes?",
            "{service}: {metrics}, last {minutes} minutes.",
            "Please pull up {metrics} for {service}; the window is {minutes} minutes.",
            "I'd like to see how {metrics} of {service} developed during the last {minutes} minutes.",
            "Can you tell me the {metrics} that {service} had within the previous {minutes} minutes?",
            "Over the most recent {minutes} minutes, what are {metrics} for {service}?",
            "Is {service} under pressure? Check {metrics}, using a window of {minutes} minutes.",
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
            "Can {service} run with {many} replicas? Try it, and if it is too many for the quota, settle "
            "for the quota.",
            "I want {service} at {many} replicas, or at its quota if {many} is more than we are allowed.",
            "Traffic is growing, so increase {service} to {many} replicas. In case that goes over the "
            "limit, give it [whatever the limit is|exactly the limit].",
            "Change the replica count of {service} to {many}; when the request is rejected because of "
            "the quota, retry with the quota itself.",
            "Ideally {service} would have {many} replicas. Attempt that first and fall back to the "
            "largest count the quota permits.",
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
            "Can you restart {service} in staging? A lock may be in the way; [then|in that case] mute "
            "{alert} for {minutes} minutes.",
            "I'd like {service} restarted on staging. If a lock stops you, suppress {alert} for the next "
            "{minutes} minutes as a fallback.",
            "Reboot {service} in the staging environment. Should somebody have locked it, just snooze "
            "{alert} for {minutes} minutes.",
            "Mute {alert} for {minutes} minutes, but only if {service} turns out to be locked when you "
            "try to restart it in staging.",
            "There is a problem with {service} in staging: attempt a restart first, and if the lock "
            "refuses it, put {alert} on mute for {minutes} minutes.",
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
            "We need an incident for this, with severity {severity}.\nWhat happened: {title}\nWhere: "
            "{services}{reporter}",
            "[Can|Could] you raise an incident?\nServices: {services}\nProblem: {title}\nHow bad: "
            "{severity}{reporter}",
            'Start a {severity} incident called "{title}" for {services}.{reporter}',
            "severity={severity}\ntitle={title}\nservices={services}{reporter}\n\nTurn this into an "
            "incident.",
            "Something broke: {title}.\nPlease declare an incident at {severity}; affected: "
            "{services}.{reporter}",
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
            "I want to start a partial rollout of our flag.",
            "Can you activate a flag for a share of the users?",
            "We are ready to roll a flag out to a limited [group|audience].",
            "Let a percentage of the users have the feature flag.",
            "It is time to enable the flag, but not for everyone.",
            "Could we have the flag on for only some of the traffic?",
        ),
        validation=("A feature flag has to be on for a fraction of users.",),
        test=("Please switch the flag on gradually.", "Some users should get the flag now."),
    ),
    "flag": Phrases(
        train=(
            "[It is|The flag is] {flag}, {percent} percent.",
            "{flag}, for {percent} %.",
            "[The name is|It is called] {flag}; give it to {percent} percent of the users.",
            "{percent} % of users, flag {flag}.",
            "Use {flag}, with {percent} percent.",
            "Sorry, I forgot to say: {flag}, and {percent} percent should get it.",
            "{flag} is the one. Start with {percent} percent.",
            "Set {flag} to {percent} percent.",
        ),
        validation=("{percent} percent, and its name is {flag}.",),
        test=("I mean {flag} at {percent} percent.", "Its name: {flag}. Share: {percent} %."),
    ),
    "restart": Phrases(
        train=(
            "Restart {service}{where}; [keep|do not change] its version.",
            "{service} hangs{where}. Restart it with the same version.",
            "Can you restart {service}{where}? I don't want a different version.",
            "[Reboot|Bounce] {service}{where}, no version change.",
            "{service} stopped responding{where}. Please start it anew, on the release it already has.",
            "We need a restart of {service}{where}, and nothing [must|should] be deployed.",
            "No new release and no rollback: simply restart {service}{where}.",
            "Memory keeps growing in {service}{where}; restart the process while leaving the deployed "
            "version alone.",
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
            "Can you suppress {alert} for {minutes} minutes?",
            "Snooze {alert}; {minutes} minutes [are enough|should do].",
            "For the next {minutes} minutes, {alert} should stay silent.",
            "Please put {alert} on mute. It can come back after {minutes} minutes.",
            "We are doing maintenance, so stop the notifications of {alert} for a period of {minutes} "
            "minutes.",
            "I'd like {minutes} minutes of peace from {alert}.",
        ),
        validation=("No more of {alert} for {minutes} minutes.",),
        test=(
            "I do not want to hear {alert} in the next {minutes} minutes.",
            "Keep {alert} quiet for {minutes} minutes.",
        ),
    ),
    "off": Phrases(
        train=(
            "[Switch|Turn] {flag} off.",
            "Disable the flag {flag}.",
            "Can you disable {flag} [for everyone|completely]?",
            "[We have problems with|There is a bug behind] {flag}; turn that flag off.",
            "Nobody should have {flag} any longer, so shut the flag off.",
            "I want {flag} disabled.",
            "Please stop the feature flag {flag}.",
            "Kill the flag {flag}[ right away|].",
        ),
        validation=("{flag} must be off.",),
        test=("Please deactivate {flag}.", "Flag {flag} has to go off now."),
    ),
    "releases": Phrases(
        train=(
            "[Which|What] are the last {limit} releases of {service}?",
            "List the last {limit} releases of {service}.",
            "Can you look up the latest {limit} releases of {service}?",
            "I'd like to see {service} and its last {limit} releases.",
            "{service}: which {limit} versions came out last?",
            "Name the {limit} versions of {service} that were published last.",
            "What has been released for {service} lately? [The last|The latest] {limit} are enough.",
            "Get the release list of {service}, limited to {limit}.",
        ),
        validation=("Release history of {service}, {limit} entries.",),
        test=(
            "Show me the {limit} newest releases of {service}.",
            "The most recent {limit} versions of {service}?",
        ),
    ),
    "deploy_it": Phrases(
        train=(
            "Deploy {version} to {environment}.",
            "[Put|Bring] {version} on {environment}.",
            "Can you roll {version} out to {environment}?",
            "Then ship {version} to {environment}.",
            "{version} looks right. Install it in {environment}.",
            "Go with {version} for {environment}.",
            "Update {environment} to {version}.",
            "Please release {version}; the target is {environment}.",
        ),
        validation=("{environment} gets {version}.",),
        test=("I want {version} in {environment}.", "Let {version} run in {environment}."),
    ),
    "scale_it": Phrases(
        train=(
            "[And scale|Now scale] it to {many} replicas.",
            "It should have {many} replicas.",
            "Can you also change the replica count to {many}?",
            "And I'd like {many} replicas of it.",
            "Next, adjust the number of replicas to {many}.",
            "Increase or reduce it to {many} replicas, whatever is needed.",
            "[Now it|It] needs {many} replicas.",
            "Make it {many} replicas, please.",
        ),
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
            "Can you ship the latest version of {service}? Deploy to staging and see if it is healthy "
            'there, do the same in production, and finally page {team} with "{service} VERSION is live", '
            "where VERSION is the number you deployed.",
            "I want {service} updated everywhere. Staging comes first, production second; each "
            "deployment of the newest release is followed by a health check. When both are done, tell "
            '{team} by page "{service} VERSION is live" (replace VERSION).',
            'Page {team} "{service} VERSION is live", with the right version, once you have deployed the '
            "newest release of {service} to staging, checked its health, deployed it to production and "
            "checked that too.",
            "Look up what the newest {service} release is. Install it on staging, check health; install "
            'it on production, check health. Last step: a page to {team} saying "{service} VERSION is '
            'live", VERSION being that release.',
            "It is release day for {service}: promote its latest release via staging to production and "
            'make sure that it is healthy after every step. Then notify {team} with a page, "{service} '
            'VERSION is live", using the real version.',
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

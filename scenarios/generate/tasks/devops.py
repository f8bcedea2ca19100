"""Requests to an operations assistant."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import words
from lab.scenarios.generate.script import Script, Task, norm, unordered
from lab.scenarios.generate.values import Values
from lab.scenarios.generate.wording import listed
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.devops import ENVIRONMENTS, METRICS

STEMS = words(
    """account address archive asset audit banner basket billing booking broker campaign catalog chat
    checkout claim comment consent contract coupon credit dashboard delivery device dispatch
    document email export feed filter forecast gallery geocode identity image import inbox index
    ingest inventory invoice journal label ledger library login loyalty market media menu metadata
    notify offer onboarding payment payroll permit photo playlist policy pricing profile quota quote
    ranking receipt recommend refund registry report returns review rewards routing scanner schedule
    search session settings shipping signup statement storage stream survey tax thumbnail ticket
    timeline token tracking transcript translate upload video wallet webhook bridge calendar carrier
    digest draft engine folder graph grid icon lease link mailer matcher mirror parser planner probe
    queue relay wishlist workflow"""
)
SUFFIXES = ("api", "worker", "gateway", "web", "sync")
TEAMS = words(
    """anchor atlas aurora badger beacon bison cobra comet condor coral cosmos dingo dolphin eagle
    ember falcon flint gecko glacier harbor hawk heron ibex jaguar kestrel koala lemur lynx magnet
    mango marlin meteor mistral nebula ocelot onyx orca osprey otter panda pelican phoenix puffin
    quartz raven saturn sparrow tiger"""
)
FAULTS = words(
    """timeout_talking_to_{} connection_refused_by_{} schema_mismatch_in_{} missing_key_in_{}
    certificate_of_{}_expired rate_limit_of_{}_reached out_of_memory_while_reading_{}
    duplicate_row_in_{} disk_full_on_{} bad_password_for_{}"""
)
METRIC_WORDS = {
    "error_rate": "error rate",
    "latency_ms": "latency",
    "cpu_percent": "CPU use",
    "memory_percent": "memory use",
}


def base(_: Values) -> JSON:
    """No services yet."""
    return {table: {} for table in ("services", "alerts", "flags", "incidents", "pages")}


def _service(s: Script, *, healthy: bool = True, locked: bool = False, quota: int = 60) -> str:
    v = s.v
    name = f"{v.pick(STEMS)}-{v.choice(SUFFIXES)}"
    versions = [v.version() for _ in range(3)]
    while len(set(versions)) < 3:
        versions = [v.version() for _ in range(3)]
    running: JSON = {where: {"version": versions[0], "healthy": healthy} for where in ENVIRONMENTS}
    running["staging"] |= {"locked": True} if locked else {}
    dates = sorted((v.date(-40, -1).isoformat() for _ in versions), reverse=True)
    s.state["services"][name] = {
        "team": v.any_of(TEAMS),
        "replicas": v.count(2, 12),
        "quota": quota,
        "metrics": {"error_rate": v.count(1, 90) / 10, "latency_ms": v.count(40, 900)}
        | {"cpu_percent": v.count(5, 99), "memory_percent": v.count(10, 97)},
        "logs": [],
        "releases": [{"version": version, "date": on} for version, on in zip(versions, dates, strict=True)],
        "running": running,
    }
    return name


def _alert(s: Script, service: str) -> tuple[str, str]:
    alert, metric = s.v.id_("AL-"), s.v.choice(METRICS)
    s.state["alerts"][alert] = {"service": service, "metric": metric}
    return alert, metric


def _where(s: Script) -> tuple[str, JSON]:
    environment = s.v.choice(ENVIRONMENTS)
    said = s.v.choice((" in production", "")) if environment == "production" else " in staging"
    return said, {} if environment == "production" else {"environment": environment}


def roll_back(s: Script) -> Iterator[None]:
    healthy = s.v.chance(0.25)
    service = _service(s, healthy=healthy)
    yield
    s.ask("roll_back", service=service)
    seen = s.call("check_health", service=service)
    if healthy:
        s.say(f"{service} is healthy on {seen['version']}, so I left it alone.", seen["version"])
        return
    releases = s.call("list_releases", service=service)["releases"]
    made = s.call("roll_back", service=service, to_version=releases[1]["version"])
    s.say(
        f"{service} was unhealthy; production is back on {made['version']}.",
        made["version"],
        running_version=made["version"],
    )


def promote(s: Script) -> Iterator[None]:
    service, environment = _service(s), s.v.choice(ENVIRONMENTS)
    canary = environment == "production" and s.v.chance(0.5)
    yield
    s.ask("promote", service=service, environment=environment, canary=" as a canary" if canary else "")
    newest = s.call("list_releases", service=service)["releases"][0]["version"]
    wish = {"strategy": "canary"} if canary else {}
    s.call("deploy_release", service=service, version=newest, environment=environment, **wish)
    s.call(
        "check_health",
        service=service,
        **({} if environment == "production" else {"environment": environment}),
    )
    s.say(
        f"{newest} of {service} [runs|is live] in {environment} and is healthy.",
        newest,
        running_version=newest,
    )


def alert(s: Script) -> Iterator[None]:
    service = _service(s)
    alert_id, metric = _alert(s, service)
    team = s.state["services"][service]["team"]
    message = f"{METRIC_WORDS[metric]} of {service} is high"
    yield
    s.ask("alert", alert=alert_id, team=team, message=message)
    about = s.call("acknowledge_alert", alert_id=alert_id)
    found = s.call("get_metric", service=about["service"], metric=about["metric"])
    made = s.call("page_team", team=team, message=norm(message))
    s.say(
        f"{about['service']}: {METRIC_WORDS[metric]} is {found['value']}. {team} is paged "
        f"({made['page_id']}).",
        found["value"],
    )


def logs(s: Script) -> Iterator[None]:
    service, (where, wish) = _service(s), _where(s)
    phrase, hit = s.v.choice(FAULTS).format(s.v.pick(STEMS)), s.v.chance(0.7)
    lines = [{"at": s.v.time(), "level": "error", "text": phrase}] if hit else []
    s.state["services"][service]["logs"] = lines
    yield
    s.ask("logs", service=service, phrase=phrase, where=where)
    found = s.call("search_logs", service=service, level="error", contains=norm(phrase))["lines"]
    if not found:
        s.say(f"There are no such errors in {service}, so I did not restart it.")
        return
    s.call("restart_service", service=service, **wish)
    seen = s.call("check_health", service=service, **wish)
    s.say(f"Found it, restarted {service}; it is healthy on {seen['version']}.", seen["version"])


def health(s: Script) -> Iterator[None]:
    services = [_service(s, healthy=s.v.chance(0.6)) for _ in range(s.v.count(2, 4))]
    where, wish = _where(s)
    yield
    s.ask("health", services=services, where=where)
    found = s.together(*(("check_health", {"service": service, **wish}) for service in services))
    told = [
        f"{name} {'healthy' if f['healthy'] else 'unhealthy'} on {f['version']}"
        for name, f in zip(services, found, strict=True)
    ]
    s.say(f"{listed(told)}.", *(f["version"] for f in found))


def metrics(s: Script) -> Iterator[None]:
    service, chosen, minutes = (
        _service(s),
        s.v.some(METRICS, 2, 3),
        s.v.choice((5, 10, 20, 30, 45, 60, 90, 120)),
    )
    yield
    s.ask("metrics", service=service, metrics=[METRIC_WORDS[metric] for metric in chosen], minutes=minutes)
    found = s.together(
        *(("get_metric", {"service": service, "metric": metric, "minutes": minutes}) for metric in chosen)
    )
    told = [f"{METRIC_WORDS[each['metric']]} {each['value']}" for each in found]
    s.say(f"{service}: {listed(told)}.", *told)


def scale(s: Script) -> Iterator[None]:
    quota = s.v.count(6, 30)
    service, many = _service(s, quota=quota), quota + s.v.count(2, 40)
    yield
    s.ask("scale", service=service, many=many)
    s.refused("quota_exceeded", "scale_service", service=service, replicas=many)
    s.call("scale_service", service=service, replicas=quota)
    s.say(f"{many} is above the quota, so {service} has {quota} replicas.", quota, replica_count=quota)


def locked(s: Script) -> Iterator[None]:
    service, minutes = _service(s, locked=True), s.v.choice((10, 15, 20, 30, 45, 60))
    alert_id, _ = _alert(s, service)
    yield
    s.ask("locked", service=service, alert=alert_id, minutes=minutes)
    s.refused("locked", "restart_service", service=service, environment="staging")
    s.call("silence_alert", alert_id=alert_id, minutes=minutes)
    s.say(f"{service} is locked, so {alert_id} is muted for {minutes} minutes.", alert_id)


def incident(s: Script) -> Iterator[None]:
    v = s.v
    services = [_service(s) for _ in range(v.count(1, 3))]
    title, severity = v.choice(FAULTS).format(v.pick(STEMS)), v.choice(("sev1", "sev2", "sev3"))
    reporter = {"name": v.person(), "team": v.any_of(TEAMS)} if v.chance(0.5) else None
    yield
    said = f"\nReported by {reporter['name']} of team {reporter['team']}" if reporter else ""
    s.ask("incident", title=title, severity=severity, services=services, reporter=said)
    wish = {"reporter": reporter} if reporter else {}
    made = s.call("open_incident", title=norm(title), severity=severity, services=unordered(services), **wish)
    s.say(
        f"[Opened|Created] {made['incident_id']}.", made["incident_id"], incident_number=made["incident_id"]
    )


def flag(s: Script) -> Iterator[None]:
    name, percent = (
        f"{s.v.pick(STEMS)}-{s.v.choice(('beta', 'v2', 'dark', 'fast'))}",
        s.v.choice((5, 10, 20, 25, 50)),
    )
    s.state["flags"][name] = {"enabled": False}
    yield
    s.ask("flag_missing")
    s.show("set_flag")
    s.say("[Which flag is it|Which flag do you mean], and for what percentage?")
    s.ask("flag", flag=name, percent=percent)
    s.call("set_flag", flag=name, enabled=True, percent=percent)
    s.say(f"{name} is on for {percent} percent.", name)


def restart(s: Script) -> Iterator[None]:
    service, (where, wish) = _service(s), _where(s)
    yield
    s.ask("restart", service=service, where=where)
    s.show("deploy_release", "roll_back", "restart_service")
    s.call("restart_service", service=service, **wish)
    s.say(f"{service} is restarted.", service)


def silence(s: Script) -> Iterator[None]:
    alert_id, _ = _alert(s, _service(s))
    minutes = s.v.choice((10, 15, 20, 30, 45, 60, 120))
    yield
    s.ask("silence", alert=alert_id, minutes=minutes)
    s.show("acknowledge_alert", "silence_alert")
    s.call("silence_alert", alert_id=alert_id, minutes=minutes)
    s.say(f"{alert_id} is muted for {minutes} minutes.", alert_id)


def off(s: Script) -> Iterator[None]:
    name = f"{s.v.pick(STEMS)}-{s.v.choice(('beta', 'v2', 'dark', 'fast'))}"
    s.state["flags"][name] = {"enabled": True}
    yield
    s.ask("off", flag=name)
    s.call("set_flag", flag=name, enabled=False)
    s.say(f"{name} is off.", name)


def choose_release(s: Script) -> Iterator[None]:
    service, environment, many = _service(s), s.v.choice(ENVIRONMENTS), s.v.count(3, 24)
    limit = s.v.choice((2, 3))
    yield
    s.ask("releases", service=service, limit=limit)
    releases = s.call("list_releases", service=service, limit=limit)["releases"]
    s.say(f"{listed([release['version'] for release in releases])}.")
    version = s.v.choice(releases)["version"]
    s.ask("deploy_it", version=version, environment=environment)
    s.call("deploy_release", service=service, version=version, environment=environment)
    s.say(f"{service} {version} is in {environment}.", version)
    s.ask("scale_it", many=many)
    s.call("scale_service", service=service, replicas=many)
    s.say(f"{service} has {many} replicas.", many, replica_count=many)


def release_train(s: Script) -> Iterator[None]:
    service = _service(s)
    team = s.state["services"][service]["team"]
    yield
    s.ask("release_train", service=service, team=team)
    newest = s.call("list_releases", service=service)["releases"][0]["version"]
    release = {"service": service, "version": newest}
    s.call("deploy_release", **release, environment="staging")
    s.call("check_health", service=service, environment="staging")
    s.call("deploy_release", **release, environment="production")
    s.call("check_health", service=service)
    message = f"{service} {newest} is live"
    made = s.call("page_team", team=team, message=norm(message))
    s.say(
        f"{newest} of {service} [runs|is] everywhere and is healthy; {team} knows ({made['page_id']}).",
        newest,
        running_version=newest,
        page_number=made["page_id"],
    )


TASKS = (
    Task(roll_back, ("chain",), 4),
    Task(promote, ("chain",), 4),
    Task(release_train, ("chain",), 7),
    Task(alert, ("chain",), 4),
    Task(logs, ("chain",), 4),
    Task(health, ("parallel",), 2),
    Task(metrics, ("parallel",), 2),
    Task(scale, ("retry",), 3),
    Task(locked, ("retry",), 3),
    Task(incident, ("extraction",), 2),
    Task(flag, ("ambiguous",), 3),
    Task(restart, ("ambiguous", "short"), 2),
    Task(silence, ("ambiguous", "short"), 2),
    Task(off, ("short",), 2),
    Task(choose_release, ("dialogue",), 6),
)

"""Services in operation: health, metrics, logs, deployments, flags, alerts and incidents."""

from __future__ import annotations

from lab.scenarios.worlds.base import (
    BOOLEAN,
    JSON,
    STRING,
    Tool,
    World,
    array,
    enum,
    record,
    refuse_unless,
    text,
    whole,
)

ENVIRONMENTS = ("staging", "production")
METRICS = ("error_rate", "latency_ms", "cpu_percent", "memory_percent")


class DevOps(World):
    """State: `services` (name -> team, replicas, quota, metrics, logs, releases; per environment the running
    version and health), `alerts`, `flags`, `incidents`, `pages`, `jobs`, by id."""

    name = "devops"
    role = "operations assistant"

    def list_services(self, team: str | None) -> JSON:
        services = self._state["services"].items()
        return {"services": [name for name, service in services if team in (None, service["team"])]}

    def check_health(self, service: str, environment: str) -> JSON:
        running = self._find("services", service, "service")["running"][environment]
        return {"version": running["version"], "healthy": running["healthy"]}

    def get_metric(self, service: str, metric: str, minutes: int) -> JSON:
        values = self._find("services", service, "service")["metrics"]
        return {"metric": metric, "minutes": minutes, "value": values[metric]}

    def search_logs(self, service: str, level: str | None, contains: str | None) -> JSON:
        lines = [
            line
            for line in self._find("services", service, "service")["logs"]
            if level in (None, line["level"]) and (contains or "").casefold() in line["text"].casefold()
        ]
        return {"lines": [f"{line['at']} {line['level']} {line['text']}" for line in lines[:5]]}

    def list_releases(self, service: str, limit: int) -> JSON:
        releases = self._find("services", service, "service")["releases"]
        return {"releases": releases[:limit]}

    def deploy_release(self, service: str, version: str, environment: str, strategy: str) -> JSON:
        known = self._find("services", service, "service")
        versions = [release["version"] for release in known["releases"]]
        refuse_unless(version in versions, "unknown_version", f"{service} has no release {version}")
        refuse_unless(
            strategy != "canary" or environment == "production", "no_canary", "canary needs production"
        )
        known["running"][environment] = {"version": version, "healthy": True, "strategy": strategy}
        return {"service": service, "version": version, "status": "deployed"}

    def roll_back(self, service: str, to_version: str) -> JSON:
        known = self._find("services", service, "service")
        versions = [release["version"] for release in known["releases"]]
        refuse_unless(to_version in versions, "unknown_version", f"{service} has no release {to_version}")
        current = known["running"]["production"]["version"]
        refuse_unless(to_version != current, "already_running", f"{to_version} is what runs now")
        known["running"]["production"] = {"version": to_version, "healthy": True}
        return {"service": service, "version": to_version, "status": "rolled back"}

    def restart_service(self, service: str, environment: str) -> JSON:
        running = self._find("services", service, "service")["running"][environment]
        refuse_unless(not running.get("locked"), "locked", "a deployment is in progress: restart is locked")
        running["restarts"] = running.get("restarts", 0) + 1
        return {"service": service, "status": "restarted"}

    def scale_service(self, service: str, replicas: int) -> JSON:
        known = self._find("services", service, "service")
        quota = known["quota"]
        refuse_unless(replicas <= quota, "quota_exceeded", f"at most {quota} replicas of {service}")
        known["replicas"] = replicas
        return {"service": service, "replicas": replicas}

    def set_flag(self, flag: str, enabled: bool, percent: int | None) -> JSON:
        self._find("flags", flag, "flag")
        value = {"enabled": enabled} | ({} if percent is None else {"percent": percent})
        self._state["flags"][flag] = value
        return {"flag": flag} | value

    def silence_alert(self, alert_id: str, minutes: int) -> JSON:
        alert = self._find("alerts", alert_id, "alert")
        alert["silenced"] = minutes
        return {"alert_id": alert_id, "silenced_minutes": minutes}

    def acknowledge_alert(self, alert_id: str) -> JSON:
        alert = self._find("alerts", alert_id, "alert")
        alert["acknowledged"] = True
        return {"alert_id": alert_id, "service": alert["service"], "metric": alert["metric"]}

    def open_incident(self, title: str, severity: str, services: list[str], reporter: JSON | None) -> JSON:
        for service in services:
            self._find("services", service, "service")
        incident: JSON = {"title": title, "severity": severity, "services": services}
        if reporter is not None:
            incident["reporter"] = reporter
        incident_id = self._new_id("INC-", self._state["incidents"], incident)
        self._state["incidents"][incident_id] = incident
        return {"incident_id": incident_id}

    def page_team(self, team: str, message: str) -> JSON:
        teams = {service["team"] for service in self._state["services"].values()}
        refuse_unless(team in teams, "not_found", f"no team {team!r}")
        page_id = self._new_id("PG-", self._state["pages"], team, message)
        self._state["pages"][page_id] = {"team": team, "message": message}
        return {"page_id": page_id, "status": "sent"}

    TOOLS = (
        Tool(list_services, "List the services, all or of one team.", {}, {"team": STRING}),
        Tool(
            check_health,
            "Version and health of a service.",
            {"service": STRING},
            {"environment": enum(*ENVIRONMENTS, default="production")},
        ),
        Tool(
            get_metric,
            "Average of a metric over the last minutes.",
            {"service": STRING, "metric": enum(*METRICS)},
            {"minutes": whole(1, 1440, 15)},
        ),
        Tool(
            search_logs,
            "Search a service's log lines.",
            {"service": STRING},
            {"level": enum("info", "warning", "error"), "contains": STRING},
        ),
        Tool(list_releases, "List releases, newest first.", {"service": STRING}, {"limit": whole(1, 20, 5)}),
        Tool(
            deploy_release,
            "Deploy a release to an environment.",
            {"service": STRING, "version": STRING, "environment": enum(*ENVIRONMENTS)},
            {"strategy": enum("rolling", "canary", default="rolling")},
        ),
        Tool(
            roll_back, "Put production back on an older release.", {"service": STRING, "to_version": STRING}
        ),
        Tool(
            restart_service,
            "Restart a service without changing its version.",
            {"service": STRING},
            {"environment": enum(*ENVIRONMENTS, default="production")},
        ),
        Tool(scale_service, "Set the number of replicas.", {"service": STRING, "replicas": whole(1, 200)}),
        Tool(
            set_flag,
            "Turn a feature flag on or off.",
            {"flag": STRING, "enabled": BOOLEAN},
            {"percent": whole(1, 100)},
        ),
        Tool(
            silence_alert,
            "Mute an alert for some minutes.",
            {"alert_id": STRING, "minutes": whole(1, 1440)},
        ),
        Tool(acknowledge_alert, "Take over an alert and see what it is about.", {"alert_id": STRING}),
        Tool(
            open_incident,
            "Open an incident.",
            {"title": STRING, "severity": enum("sev1", "sev2", "sev3"), "services": array(STRING)},
            {"reporter": record({"name": STRING, "team": STRING})},
        ),
        Tool(
            page_team, "Page a team's on-call person.", {"team": STRING, "message": text("short and plain")}
        ),
    )

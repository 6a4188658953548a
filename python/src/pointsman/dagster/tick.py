"""Evaluates schedules and sensors, and tells what they ask for.

Whether a tick is due, and what becomes of what it asks for, is the program's. Each tick is answered
by itself, as soon as it is known: code that ends the process takes no earlier answer with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import dagster

from pointsman.dagster import compat
from pointsman.dagster.errors import BadRequest
from pointsman.dagster.events import error_of_exception
from pointsman.dagster.instance import make_instance
from pointsman.dagster.metadata import plain

# The lines of a tick's log that are kept; a tick is evaluated every few seconds.
MAX_LOG_LINES = 200


def schedule_json(schedule: Any) -> dict[str, Any]:
    """Returns a schedule as `describe` tells it."""
    cron = schedule.cron_schedule
    return {
        "name": schedule.name,
        "job": schedule.job_name,
        "description": schedule.description,
        "cron": [cron] if isinstance(cron, str) else list(cron),
        "timezone": schedule.execution_timezone or "UTC",
        "tags": dict(schedule.tags or {}),
        "default_status": schedule.default_status.value,
    }


def sensor_json(sensor: Any) -> dict[str, Any]:
    """Returns a sensor as `describe` tells it; `refused` says why it cannot be evaluated."""
    kind = sensor.sensor_type.value.lower()
    return {
        "name": sensor.name,
        "kind": kind,
        "jobs": [] if kind != "standard" else [target.job_name for target in sensor.targets],
        "description": sensor.description,
        "minimum_interval_seconds": sensor.minimum_interval_seconds,
        "default_status": sensor.default_status.value,
        "refused": why_refused(sensor),
    }


def why_refused(sensor: Any) -> str | None:
    """Returns why a sensor is not evaluated, or nothing if it is."""
    kind = sensor.sensor_type.value
    if kind == "STANDARD":
        return None
    reads = {
        "ASSET": "the materializations of assets",
        "MULTI_ASSET": "the materializations of assets",
        "RUN_STATUS": "the events of runs",
        "FRESHNESS_POLICY": "the freshness of assets",
        "AUTO_MATERIALIZE": "the conditions of assets",
        "AUTOMATION": "the conditions of assets",
    }.get(kind, "what Pointsman does not have")
    return f"{sensor.name} is a sensor of type {kind}: it reads {reads} in Dagster's own storage"


def evaluate_ticks(repository: Any, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Evaluates ticks in the order in which they are named, each by itself."""
    ticks = request.get("ticks")
    if not isinstance(ticks, list):
        raise BadRequest("a request for ticks names none")
    for tick in ticks:
        log = TickLog(str(tick.get("name")))
        told = {"kind": "tick", "of": tick.get("of"), "name": tick.get("name")}
        yield {**told, **_evaluate(repository, request, tick, log), "logs": log.lines}


def _evaluate(
    repository: Any, request: Mapping[str, Any], tick: Mapping[str, Any], log: TickLog
) -> dict[str, Any]:
    try:
        instance = make_instance(None, _no_events, request["storage"], request.get("instance"))
        if tick.get("of") == "schedule":
            return _schedule(repository, instance, tick, log)
        if tick.get("of") == "sensor":
            return _sensor(repository, instance, tick, log)
        raise BadRequest(f"there are ticks of schedules and sensors, none of {tick.get('of')!r}")
    except (KeyboardInterrupt, BadRequest):
        raise
    except BaseException as error:  # SystemExit, too: it is the user's code that runs here
        return _told("failed", error=error_of_exception(error))


def _no_events(_event: object) -> None:
    """A tick has no event log."""


def _schedule(repository: Any, instance: Any, tick: Mapping[str, Any], log: TickLog) -> Any:
    schedule = _named(repository.schedule_defs, "schedule", tick)
    zone = schedule.execution_timezone
    at = datetime.fromtimestamp(tick["at"], tz=ZoneInfo(zone) if zone else timezone.utc)
    context = compat.schedule_context(repository, schedule, instance, at, log)
    with context:
        data = schedule.evaluate_tick(context)
    runs = [
        _run(request, schedule.job_name, schedule.tags or {}) for request in data.run_requests or ()
    ]
    return _told("requested" if runs else "skipped", runs=runs, skip_reason=data.skip_message)


def _sensor(repository: Any, instance: Any, tick: Mapping[str, Any], log: TickLog) -> Any:
    sensor = _named(repository.sensor_defs, "sensor", tick)
    refused = why_refused(sensor)
    if refused is not None:
        raise dagster.DagsterInvariantViolationError(refused)
    context = compat.sensor_context(repository, sensor, instance, tick, log)
    with context:
        data = sensor.evaluate_tick(context)
    _refuse_other_results(sensor, data)
    jobs = [target.job_name for target in sensor.targets]
    runs = [_run(request, jobs[0] if jobs else None, {}) for request in data.run_requests or ()]
    state = "requested" if runs else "skipped"
    return _told(state, runs=runs, skip_reason=data.skip_message, cursor=data.cursor)


def _named(definitions: Any, what: str, tick: Mapping[str, Any]) -> Any:
    for definition in definitions:
        if definition.name == tick["name"]:
            return definition
    raise LookupError(f"there is no {what} {tick['name']} any more")


def _refuse_other_results(sensor: Any, data: Any) -> None:
    """Refuses what a sensor can ask for beside runs: leaving it out would be silent."""
    for name in ("dynamic_partitions_requests", "asset_events", "dagster_run_reactions"):
        if getattr(data, name, None):
            what = f"the sensor {sensor.name} returned {name}, which Pointsman cannot take"
            raise dagster.DagsterInvariantViolationError(what)


def _run(request: Any, job: str | None, tags: Mapping[str, str]) -> dict[str, Any]:
    """Returns a run that is asked for; its own tags win over those of the schedule."""
    for name in ("asset_graph_subset", "asset_check_keys", "stale_assets_only"):
        if getattr(request, name, None):
            what = f"the run request has {name}, which Pointsman cannot take"
            raise dagster.DagsterInvariantViolationError(what)
    selection = request.asset_selection
    return {
        "job": request.job_name or job,
        "run_key": request.run_key,
        "run_config": plain(request.run_config or {}),
        "tags": {**tags, **(request.tags or {})},
        "asset_selection": selection and [key.to_user_string() for key in selection],
    }


def _told(state: str, **more: Any) -> dict[str, Any]:
    nothing = {"runs": [], "skip_reason": None, "cursor": None, "error": None}
    return {"state": state, **nothing, **more}


class TickLog(logging.Logger):
    """What user code says to `context.log` while a tick is evaluated."""

    def __init__(self, name: str) -> None:
        super().__init__(name, logging.DEBUG)
        self.lines: list[dict[str, str]] = []

    def handle(self, record: logging.LogRecord) -> None:
        """Keeps the line, if there are not too many already."""
        if len(self.lines) < MAX_LOG_LINES:
            self.lines.append({"level": record.levelname, "message": record.getMessage()})

    def has_captured_logs(self) -> bool:
        """Dagster asks whether the lines are in its own storage."""
        return False

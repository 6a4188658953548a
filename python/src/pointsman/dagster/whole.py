"""Executes a whole run in this process, one step after the other, and tells what happens in it.

For jobs whose values do not leave the process that made them. It is what Dagster's in_process
executor does, retries and their delays included.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel
from pointsman.dagster.console import Console
from pointsman.dagster.events import error_of_exception, line_of
from pointsman.dagster.instance import make_instance
from pointsman.dagster.plan import build_plan
from pointsman.dagster.selection import job_of, run_of


def execute_run(repository: Any, request: Mapping[str, Any], channel: Channel | Console) -> None:
    """Executes the run that the request tells of; its last line says how it ended."""
    events = RunEvents(channel)
    channel.send({"at": time.time(), "kind": "loaded"})
    error: BaseException | None = None
    try:
        _execute(repository, request, events)
    # What ends a process by an exception ends a run.
    except BaseException as raised:
        error = raised
    events.end(error)


def _execute(repository: Any, request: Mapping[str, Any], events: RunEvents) -> None:
    run = run_of(request["run"])
    job = job_of(repository, request["run"])
    plan, run_config = build_plan(job, run.run_config, tags=run.tags)
    instance = make_instance(run, events.take, request["storage"], request.get("instance"))
    _, executor = compat.executor_config(job.get_definition(), run_config)
    for _event in compat.execute_plan_iterator(
        plan,
        job,
        run,
        instance,
        retry_mode=compat.own_retries(executor),
        run_config=run_config,
    ):
        pass  # each was taken when it was stored, before Dagster went on


class RunEvents:
    """Turns the events of all steps of a run into lines, each with its step."""

    def __init__(self, channel: Channel | Console) -> None:
        self._channel = channel
        self._failed: list[str] = []

    def take(self, entry: Any) -> None:
        """Takes an entry of the event log as Dagster stores it."""
        message = line_of(entry)
        if message is None:
            return
        if message["kind"] == "failed" and entry.step_key not in self._failed:
            self._failed.append(entry.step_key)
        self._channel.send({"at": entry.timestamp, "step": entry.step_key, **message})

    def end(self, error: BaseException | None) -> None:
        """Writes the last line."""
        last: dict[str, Any] = {"at": time.time(), "kind": "run_succeeded"}
        if error is not None:
            last.update(kind="run_failed", error=error_of_exception(error))
        elif self._failed:
            message = f"steps failed: {', '.join(self._failed)}"
            told = {"class": "StepsFailed", "message": message, "stack": "", "cause": None}
            last.update(kind="run_failed", error=told)
        self._channel.send(last)

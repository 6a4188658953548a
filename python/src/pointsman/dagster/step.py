"""Executes one step of a run in this process and tells what happens in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel
from pointsman.dagster.console import Console
from pointsman.dagster.errors import BadRequest
from pointsman.dagster.events import StepEvents
from pointsman.dagster.instance import make_instance
from pointsman.dagster.selection import job_of, run_of


def execute_step(repository: Any, request: Mapping[str, Any], channel: Channel | Console) -> None:
    """Executes the step that the request names; its last line says how it ended."""
    events = StepEvents(channel)
    channel.send({"at": time.time(), "kind": "loaded"})
    error: BaseException | None = None
    try:
        _execute(repository, request, events)
    # What ends a process by an exception ends a step: Dagster has said so, or `end` says it.
    except BaseException as raised:
        error = raised
    events.end(error)


def _execute(repository: Any, request: Mapping[str, Any], events: StepEvents) -> None:
    run = run_of(request["run"])
    job = job_of(repository, request["run"])
    key = request["step"]
    known = request.get("known") or {}
    plan = _plan(job, run, key, known)
    if key not in plan.step_keys_to_execute:
        raise BadRequest(f"the run has no step {key!r}")
    instance = make_instance(run, events.take, request["storage"], request.get("instance"))
    _, executor = compat.executor_config(job.get_definition(), run.run_config)
    retry_mode = compat.deferred_retries(executor)
    for _event in compat.execute_plan_iterator(
        plan, job, run, instance, retry_mode=retry_mode, run_config=run.run_config
    ):
        pass  # each was taken when it was stored, before Dagster went on


def _plan(job: Any, run: dagster.DagsterRun, key: str, known: Mapping[str, Any]) -> Any:
    def plan(outputs: set[compat.StepOutputHandle]) -> Any:
        state = compat.known_state(known.get("retries") or {}, known.get("dynamic") or {}, outputs)
        return compat.create_execution_plan(
            job, run.run_config, step_keys_to_execute=[key], known_state=state, tags=run.tags
        )

    produced = known.get("outputs")
    if produced is not None:
        return plan(_handles(produced))
    # Unless it is told which outputs there are, a step has all that it waits for.
    step = plan(set()).get_step_by_key(key)
    return plan(
        {
            handle
            for step_input in step.step_inputs
            for handle in compat.upstream_outputs(step_input)
        }
    )


def _handles(produced: Mapping[str, Mapping[str, Any]]) -> set[compat.StepOutputHandle]:
    handles = set()
    for step, outputs in produced.items():
        for output, mapping_keys in outputs.items():
            keys = [None] if mapping_keys is None else mapping_keys
            handles.update(compat.StepOutputHandle(step, output, key) for key in keys)
    return handles

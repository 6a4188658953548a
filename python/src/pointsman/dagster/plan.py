"""An execution plan of Dagster's as JSON: the steps of a run, what they wait for, and how they run.

The plan depends on run config and selection. What makes a job need one single process is decided
here, too: values that an IO manager keeps in memory do not reach another process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pointsman.dagster import compat

PRIORITY_TAG = "dagster/priority"
POOL_TAG = "dagster/concurrency_key"


def build_plan(
    job: Any, run_config: Mapping[str, Any], **more: Any
) -> tuple[Any, Mapping[str, Any]]:
    """Returns a job's execution plan, and the run config under which it executes.

    Dagster refuses values in memory under the executor that nobody has chosen, which would be one
    with several processes. Such a run is executed in one process, and its config says so.
    """
    try:
        return compat.create_execution_plan(job, run_config, **more), run_config
    except compat.DagsterUnmetExecutorRequirementsError:
        if not compat.has_default_executor(job.get_definition()) or run_config.get("execution"):
            raise
    in_process = {**run_config, "execution": {"config": {"in_process": {}}}}
    return compat.create_execution_plan(job, in_process, **more), in_process


def plan_json(job: Any, plan: Any, run_config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a job's plan under a run config that Dagster has accepted."""
    definition = job.get_definition()
    executor = executor_json(definition, run_config)
    steps = [
        step_json(definition, plan.get_step(handle)) for handle in plan.step_handles_to_execute
    ]
    if executor["are_retries_disabled"]:
        steps = [{**step, "retries": None} for step in steps]
    return {
        "steps": steps,
        "executor": executor,
        "whole": _why_whole(definition, plan, executor),
    }


def step_json(definition: Any, step: Any) -> dict[str, Any]:
    """Returns one step, resolved or a placeholder for those of a dynamic output."""
    tags = {str(key): str(value) for key, value in (step.tags or {}).items()}
    inputs = [_input_json(step_input) for step_input in step.step_inputs]
    sources = [source["step"] for step_input in inputs for source in step_input["sources"]]
    outputs = step.step_outputs
    is_mapped = isinstance(step, compat.UnresolvedMappedExecutionStep)
    return {
        "key": step.key,
        "kind": _kind(step),
        "after": list(dict.fromkeys(sources)),
        "inputs": inputs,
        "outputs": [_output_json(output) for output in outputs],
        "pool": step.pool or tags.get(POOL_TAG) or None,
        "tags": tags,
        # Dagster's run would fail here; a priority that is no number counts as none.
        "priority": priority_of(tags) or 0,
        "retries": _retries_json(definition, step),
        "mapped_over": step.resolved_by_step_key if is_mapped else None,
        "mapped_output": step.resolved_by_output_name if is_mapped else None,
        "asset_keys": [_key(o.asset_key) for o in outputs if o.asset_key is not None],
        "check_names": [
            o.properties.asset_check_key.name for o in outputs if o.properties.asset_check_key
        ],
    }


def _kind(step: Any) -> str:
    if isinstance(step, compat.UnresolvedMappedExecutionStep):
        return "mapped"
    if isinstance(step, compat.UnresolvedCollectExecutionStep):
        return "collect"
    return "compute"


def _input_json(step_input: Any) -> dict[str, Any]:
    handles = compat.upstream_outputs(step_input)
    return {
        "name": step_input.name,
        "sources": [
            {"step": handle.step_key, "output": handle.output_name}
            for handle in sorted(handles, key=lambda h: (h.step_key, h.output_name))
        ],
        "is_fan_in": compat.is_fan_in(step_input),
    }


def _output_json(output: Any) -> dict[str, Any]:
    return {
        "name": output.name,
        "is_required": output.is_required,
        "is_dynamic": output.is_dynamic,
        "asset_key": _key(output.asset_key),
    }


def _key(asset_key: Any) -> str | None:
    return None if asset_key is None else asset_key.to_user_string()


def priority_of(tags: Mapping[str, str]) -> int | None:
    """Returns the priority that tags give, or nothing if what they say is no number."""
    try:
        return int(tags.get(PRIORITY_TAG, "0"))
    except ValueError:
        return None


def _retries_json(definition: Any, step: Any) -> dict[str, Any] | None:
    policy = definition.get_retry_policy_for_handle(step.node_handle)
    if policy is None:
        return None
    return {
        "max_retries": policy.max_retries,
        "delay_seconds": policy.delay or 0,
        "backoff": "constant" if policy.backoff is None else policy.backoff.value.lower(),
        "jitter": "none" if policy.jitter is None else policy.jitter.value.lower(),
    }


def executor_json(definition: Any, run_config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how a run executes its steps: its executor, with the config resolved."""
    name, config = compat.executor_config(definition, run_config)
    kinds = {"multiprocess": "multiprocess", "in_process": "in_process"}
    limits = config.get("tag_concurrency_limits") or []
    return {
        "kind": kinds.get(name, "other"),
        "name": name,
        "max_concurrent": _max_concurrent(name, config),
        "tag_concurrency_limits": [dict(limit) for limit in limits],
        "are_retries_disabled": compat.retries_disabled(config),
    }


def _max_concurrent(name: str, config: Mapping[str, Any]) -> int | None:
    """Returns how many steps may run at once; none means as many as there are processors."""
    if name == "in_process":
        return 1
    from_environment = os.environ.get("DAGSTER_MULTIPROCESS_EXECUTOR_MAX_CONCURRENT")
    if config.get("max_concurrent"):
        return config["max_concurrent"]
    return int(from_environment) if name == "multiprocess" and from_environment else None


def _why_whole(definition: Any, plan: Any, executor: Mapping[str, Any]) -> str | None:
    used = _io_manager_keys(definition, plan)
    in_memory = [key for key in sorted(used) if compat.is_in_memory(definition, key)]
    if in_memory:
        return f"the IO manager {in_memory[0]} keeps values in memory"
    return "its executor is in_process" if executor["kind"] == "in_process" else None


def _io_manager_keys(definition: Any, plan: Any) -> set[str]:
    keys: set[str] = set()
    for handle in plan.step_handles_to_execute:
        step = plan.get_step(handle)
        op = definition.get_node(step.node_handle).definition
        keys.update(op.output_def_named(output.name).io_manager_key for output in step.step_outputs)
    return keys

"""What a code location defines, as JSON: jobs with their plans, assets, schedules, sensors."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.plan import PRIORITY_TAG, plan_json

# The keys that a list shows; whether a key exists is asked when a run is submitted.
MAX_PARTITION_KEYS = 1000


def definitions(repository: Any) -> dict[str, Any]:
    """Returns the answer to `describe`."""
    jobs = sorted(repository.get_all_jobs(), key=lambda job: job.name)
    warnings = [warning for warning in (compat.version_warning(),) if warning]
    for job in jobs:
        warnings += _tag_warnings(job)
    return {
        "kind": "definitions",
        "dagster": compat.version(),
        "python": platform.python_version(),
        "jobs": [job_json(repository, job) for job in jobs],
        "assets": _assets(repository, jobs),
        "warnings": warnings,
    }


def job_json(repository: Any, job: Any) -> dict[str, Any]:
    """Returns a job, with its plan if that needs no run config."""
    plan, problem = _plan_or_why_not(repository, job.name)
    partitions = job.partitions_def
    asset_keys = _asset_keys_of(job)
    return {
        "name": job.name,
        "description": job.description,
        "tags": dict(job.tags),
        "run_tags": dict(job.run_tags),
        "plan": plan,
        "plan_error": problem,
        "asset_keys": asset_keys or None,
        "partitions": partitions_json(partitions),
        "is_hidden": compat.is_implicit_asset_job(job.name),
    }


def _plan_or_why_not(repository: Any, name: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        job = compat.executable_job(repository, name, None, None)
        plan = compat.create_execution_plan(job, {})
        return plan_json(job, plan, {}), None
    except dagster.DagsterInvalidConfigError as error:
        return None, str(error)
    except Exception as error:  # the user's config mappings run here, too
        return None, f"{type(error).__name__}: {error}"


def _tag_warnings(job: Any) -> Iterable[str]:
    priority = job.run_tags.get(PRIORITY_TAG)
    if priority is not None and not _is_number(priority):
        yield f"job {job.name}: the priority {priority!r} is no number and counts as 0"


def _is_number(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _asset_keys_of(job: Any) -> list[str]:
    keys = job.asset_layer.selected_asset_keys
    return sorted(key.to_user_string() for key in keys)


def _assets(repository: Any, jobs: Iterable[Any]) -> list[dict[str, Any]]:
    in_jobs: dict[str, list[str]] = {}
    for job in jobs:
        for key in _asset_keys_of(job):
            in_jobs.setdefault(key, []).append(job.name)
    graph = repository.asset_graph
    nodes = sorted(graph.asset_nodes, key=lambda node: node.key.to_user_string())
    return [_asset(graph, node, in_jobs) for node in nodes]


def _asset(graph: Any, node: Any, in_jobs: dict[str, list[str]]) -> dict[str, Any]:
    key = node.key.to_user_string()
    checks = graph.get_check_keys_for_assets({node.key})
    return {
        "key": key,
        "group": node.group_name,
        "description": node.description,
        "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
        "pools": compat.pools_of_asset(node),
        "jobs": in_jobs.get(key, []),
        "kinds": sorted(getattr(node, "kinds", None) or ()),
        "is_executable": node.is_executable,
        "partitions": partitions_json(node.partitions_def),
        "checks": sorted(check.name for check in checks),
    }


def partitions_json(partitions: Any) -> dict[str, Any] | None:
    """Returns what partitions something has; the keys of dynamic ones are not in the code."""
    if partitions is None:
        return None
    kind = _partitions_kind(partitions)
    if kind == "dynamic":
        return {"kind": kind, "name": partitions.name, "count": None, "keys": None}
    keys = partitions.get_partition_keys()
    return {"kind": kind, "count": len(keys), "keys": list(keys[:MAX_PARTITION_KEYS])}


def _partitions_kind(partitions: Any) -> str:
    if isinstance(partitions, dagster.DynamicPartitionsDefinition):
        return "dynamic"
    if isinstance(partitions, dagster.MultiPartitionsDefinition):
        return "multi"
    if isinstance(partitions, dagster.TimeWindowPartitionsDefinition):
        return "time_window"
    return "static"

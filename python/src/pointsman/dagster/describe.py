"""What a code location defines, as JSON: jobs with their plans, assets, schedules, sensors."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.plan import PRIORITY_TAG, build_plan, plan_json, priority_of
from pointsman.dagster.submission import selected_assets
from pointsman.dagster.tick import schedule_json, sensor_json

# The keys that a list shows; whether a key exists is asked when a run is submitted.
MAX_PARTITION_KEYS = 1000


def definitions(repository: Any) -> dict[str, Any]:
    """Returns the answer to `describe`."""
    jobs = _by_name(repository.get_all_jobs())
    told = [job_json(repository, job) for job in jobs]
    return {
        "kind": "definitions",
        "dagster": compat.version(),
        "python": platform.python_version(),
        "jobs": told,
        "assets": _assets(repository, jobs),
        "schedules": [schedule_json(each) for each in _by_name(repository.schedule_defs)],
        "sensors": [sensor_json(each) for each in _by_name(repository.sensor_defs)],
        "warnings": list(_warnings(told)),
    }


def _other_executors(jobs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Returns the executors that Pointsman does without, each with its jobs."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        executor = job["plan"]["executor"] if job["plan"] else None
        if executor is not None and executor["kind"] == "other":
            found.setdefault(executor["name"], []).append(job["name"])
    return found


def _by_name(definitions: Iterable[Any]) -> list[Any]:
    return sorted(definitions, key=lambda definition: definition.name)


def job_json(repository: Any, job: Any) -> dict[str, Any]:
    """Returns a job, with its plan if that needs no run config."""
    plan, problem = _plan_or_why_not(repository, job.name)
    partitions = job.partitions_def
    return {
        "name": job.name,
        "description": job.description,
        "tags": dict(job.tags),
        "run_tags": dict(job.run_tags),
        "plan": plan,
        "plan_error": problem,
        "asset_keys": selected_assets(job),
        "partitions": partitions_json(partitions),
        "is_hidden": compat.is_made_by_dagster(job.name),
    }


def _plan_or_why_not(repository: Any, name: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        job = compat.executable_job(repository, name, None, None)
        plan, run_config = build_plan(job, {})
        return plan_json(job, plan, run_config), None
    except dagster.DagsterInvalidConfigError as error:
        return None, compat.config_message(error)
    except Exception as error:  # the user's config mappings run here, too
        return None, f"{type(error).__name__}: {error}"


def _warnings(jobs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    version_warning = compat.version_warning()
    if version_warning:
        yield version_warning
    for executor, names in _other_executors(jobs).items():
        yield (
            f"the executor {executor} is not used, steps are processes of this machine: "
            f"job {', '.join(names)}"
        )
    for job in jobs:
        if priority_of(job["run_tags"]) is None:
            yield f"job {job['name']}: {_no_number(job['run_tags'])}"
        steps = (job["plan"] or {"steps": []})["steps"]
        for step in steps if not job["is_hidden"] else ():
            for problem in _step_problems(step):
                yield f"job {job['name']}, step {step['key']}: {problem}"


def _step_problems(step: Mapping[str, Any]) -> Iterator[str]:
    if priority_of(step["tags"]) is None:
        yield _no_number(step["tags"])
    # Dagster refuses it as `pool=`, but not in the older tag.
    if step["pool"] and step["pool"].split() != [step["pool"]]:
        yield f"the pool {step['pool']!r} has white space in its name and counts as none"


def _no_number(tags: Mapping[str, str]) -> str:
    return f"the priority {tags[PRIORITY_TAG]!r} is no number and counts as 0"


def _assets(repository: Any, jobs: Iterable[Any]) -> list[dict[str, Any]]:
    in_jobs: dict[str, list[str]] = {}
    for job in jobs:
        for key in selected_assets(job) or ():
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
    told: dict[str, Any] = {"kind": _partitions_kind(partitions), "count": None, "keys": None}
    if not compat.is_dynamic(partitions):
        count, keys = _count_and_first_keys(partitions)
        told.update(count=count, keys=list(keys))
    return told


@lru_cache(maxsize=1000)
def _count_and_first_keys(partitions: Any) -> tuple[int, tuple[str, ...]]:
    """Returns how many keys there are, and some of them.

    All assets of a group share one definition, which may have a key for every hour of ten years.
    """
    if isinstance(partitions, dagster.TimeWindowPartitionsDefinition):
        count = partitions.get_num_partitions()
        shown = min(count, MAX_PARTITION_KEYS)
        return count, tuple(partitions.get_partition_keys_between_indexes(0, shown))
    keys = partitions.get_partition_keys()
    return len(keys), tuple(keys[:MAX_PARTITION_KEYS])


def _partitions_kind(partitions: Any) -> str:
    if isinstance(partitions, dagster.DynamicPartitionsDefinition):
        return "dynamic"
    if isinstance(partitions, dagster.MultiPartitionsDefinition):
        return "multi"
    if isinstance(partitions, dagster.TimeWindowPartitionsDefinition):
        return "time_window"
    return "static"

"""What a run would be: its plan, tags and config, checked by Dagster, before it is queued.

Dagster's own refusals (run config, selections, partitions) are told in Dagster's own words.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.errors import Invalid
from pointsman.dagster.instance import PARTITION_TAG, make_instance
from pointsman.dagster.plan import build_plan, plan_json
from pointsman.dagster.selection import job_of, selected_keys

PARTITION_RANGE_TAGS = "dagster/asset_partition_range"

# With how many partitions a misspelt one is compared, the last ones: comparing them costs.
MAX_COMPARED = 1000

# How alike two keys are of which one may be misspelt, at most 1; dates that are months apart are
# alike by 0.9.
ALIKE = 0.92


def plan_of_run(repository: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer to `plan`: `plan`, or `invalid` with the reasons."""
    try:
        return _plan_of_run(repository, request)
    except Invalid as refused:
        return {"kind": "invalid", "message": refused.message, "errors": refused.errors}


def _plan_of_run(repository: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    texts = request.get("asset_selection")
    keys = None if texts is None else selected_keys(repository, texts)
    job = _job(repository, {**request, "asset_selection": keys})
    definition = job.get_definition()
    tags = {**definition.run_tags, **(request.get("tags") or {})}
    run_config = request.get("run_config") or {}
    key = tags.get(PARTITION_TAG)
    if key is not None:
        run_config, of_partition = _of_partition(definition, key, run_config, request)
        tags = {**definition.run_tags, **of_partition, **(request.get("tags") or {})}
    elif keys is not None and keys != sorted(texts or ()):
        _check_needs_no_partition(definition, tags)
    plan, run_config = _plan(job, run_config)
    return {
        "kind": "plan",
        "plan": plan_json(job, plan, run_config),
        "run_tags": tags,
        "run_config": run_config,
        "asset_keys": selected_assets(definition),
        "asset_selection": keys,
    }


def _job(repository: Any, request: Mapping[str, Any]) -> Any:
    name = request["job"]
    if not repository.has_job(name):
        raise Invalid(f"there is no job {name}")
    try:
        job = job_of(repository, request)
        job.get_definition()
    except dagster.DagsterError as error:
        raise Invalid(str(error)) from error
    return job


def _plan(job: Any, run_config: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    try:
        return build_plan(job, run_config)
    except dagster.DagsterInvalidConfigError as error:
        raise Invalid(compat.config_message(error), compat.config_errors(error)) from error
    except dagster.DagsterError as error:
        raise Invalid(str(error)) from error


def _of_partition(
    definition: Any, key: str, run_config: Mapping[str, Any], request: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Returns the config and the tags that a partition gives; config that is given wins."""
    partitions = _partitions_of(definition)
    if partitions is None:
        return run_config, {}
    _check_key(partitions, key, request)
    config = definition.partitioned_config
    if config is None:
        return run_config, partitions.get_tags_for_partition_key(key)
    given = run_config or config.get_run_config_for_partition_key(key)
    return given, config.get_tags_for_partition_key(key, definition.name)


def _partitions_of(definition: Any) -> Any:
    """Returns the partitions of a job; of one made of assets, those that its assets share."""
    if definition.partitions_def is not None:
        return definition.partitions_def
    layer = definition.asset_layer
    found = [layer.get(key).partitions_def for key in compat.selected_asset_keys(definition)]
    different = [one for one in dict.fromkeys(found) if one is not None]
    return different[0] if len(different) == 1 else None


def _check_needs_no_partition(definition: Any, tags: Mapping[str, str]) -> None:
    """Refuses a selection with partitions if none is named, as Dagster's command line does."""
    if any(tag.startswith(PARTITION_RANGE_TAGS) for tag in tags):
        return
    layer = definition.asset_layer
    keys = compat.selected_asset_keys(definition)
    partitioned = [key for key in keys if layer.get(key).partitions_def is not None]
    if partitioned:
        key = min(key.to_user_string() for key in partitioned)
        raise Invalid(f"the asset {key} has partitions, and none is named: see {PARTITION_TAG}")


def _check_key(partitions: Any, key: str, request: Mapping[str, Any]) -> None:
    instance = None
    if compat.is_dynamic(partitions):
        # Which dynamic partitions there are is not in the code: the daemon is asked.
        instance = make_instance(None, _no_events, request["storage"], request.get("instance"))
    try:
        is_there = compat.has_partition(partitions, key, instance)
    except dagster.DagsterError as error:
        raise Invalid(str(error)) from error
    if not is_there:
        raise Invalid(f"there is no partition {key!r}{_how_to_add(partitions, key)}")


def _how_to_add(partitions: Any, key: str) -> str:
    names = compat.dynamic_names(partitions)
    if not names:
        return f" (tag {PARTITION_TAG}): {_which_there_are(partitions.get_partition_keys(), key)}"
    if isinstance(partitions, dagster.MultiPartitionsDefinition):
        return f", of which a part is dynamic: `pointsman partition list {shlex.quote(names[0])}`"
    command = f"pointsman partition add {shlex.quote(names[0])} {shlex.quote(key)}"
    return f" among the dynamic partitions {names[0]!r}: `{command}` adds it"


def _which_there_are(keys: Sequence[str], key: str) -> str:
    """Says between which keys to choose, and which one a misspelt key may have been meant for."""
    if not keys:
        return "there are none yet"
    near = difflib.get_close_matches(key, keys[-MAX_COMPARED:], n=1, cutoff=ALIKE)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    if len(keys) == 1:
        return f"the only one is {keys[0]!r}"
    return f"there are {len(keys)}, {keys[0]!r} to {keys[-1]!r}{meant}"


def _no_events(_event: object) -> None:
    """Nothing is executed, and so nothing happens."""


def selected_assets(definition: Any) -> list[str] | None:
    """Returns the assets that a job makes, or nothing if it is no job of assets."""
    keys = compat.selected_asset_keys(definition)
    return sorted(key.to_user_string() for key in keys) or None

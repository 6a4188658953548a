"""Reads which job, and which part of it, a request speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster

from pointsman.dagster import compat


def job_of(repository: Any, said: Mapping[str, Any]) -> Any:
    """Returns the job that a request names, with its selection applied."""
    return compat.executable_job(
        repository, said["job"], said.get("op_selection"), asset_keys(said.get("asset_selection"))
    )


def run_of(said: Mapping[str, Any]) -> dagster.DagsterRun:
    """Returns the run that a request tells of, as user code sees it."""
    return dagster.DagsterRun(
        job_name=said["job"],
        run_id=said["id"],
        run_config=said.get("run_config") or {},
        tags=said.get("tags") or {},
        status=dagster.DagsterRunStatus.STARTED,
        root_run_id=said.get("root_run_id"),
        parent_run_id=said.get("parent_run_id"),
        asset_selection=asset_keys(said.get("asset_selection")),
        op_selection=said.get("op_selection"),
    )


def asset_keys(texts: Iterable[str] | None) -> frozenset[dagster.AssetKey] | None:
    """Returns the keys of a selection, of which none is not the same as an empty one."""
    if texts is None:
        return None
    return frozenset(dagster.AssetKey.from_user_string(text) for text in texts)

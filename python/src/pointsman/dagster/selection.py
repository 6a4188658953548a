"""Reads which job, and which part of it, a request speaks of."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.errors import Invalid

# A key that nothing has is told as such; anything else that is no key is a selection.
PLAIN_KEY = re.compile(r"[\w/.-]+")


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


def selected_keys(repository: Any, texts: Iterable[str]) -> list[str]:
    """Returns the keys that texts mean: each is a key, or a selection in Dagster's syntax.

    What a selection means is Dagster's to say, in the version that is installed.
    """
    graph = repository.asset_graph
    known = {key.to_user_string() for key in graph.get_all_asset_keys()}
    selections = [text for text in texts if text not in known]
    unknown = sorted(text for text in selections if PLAIN_KEY.fullmatch(text))
    if unknown:
        raise Invalid(f"there is no asset {', '.join(unknown)}")
    keys = {text for text in texts if text in known}
    for text in selections:
        keys.update(key.to_user_string() for key in _resolve(graph, text))
    return sorted(keys)


def _resolve(graph: Any, text: str) -> frozenset[dagster.AssetKey]:
    try:
        with warnings.catch_warnings():
            # Dagster warns that some of its own syntax is new.
            warnings.simplefilter("ignore")
            found = frozenset(dagster.AssetSelection.from_string(text).resolve(graph))
    except Exception as error:  # which one it is depends on the version of Dagster
        raise Invalid(f"the selection {text!r} cannot be read: {error}") from error
    if not found:
        raise Invalid(f"the selection {text!r} means no asset")
    return found

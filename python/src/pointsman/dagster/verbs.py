"""The verbs: what each loads, and what it does with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel
from pointsman.dagster.console import Console
from pointsman.dagster.describe import definitions
from pointsman.dagster.errors import BadRequest
from pointsman.dagster.load import load_repository
from pointsman.dagster.step import execute_step
from pointsman.dagster.submission import plan_of_run


def run(verb: str, request: Mapping[str, Any], channel: Channel) -> None:
    """Runs one verb to its end."""
    compat.silence_default_console()
    repository = load_repository(_target(request))
    if verb == "describe":
        channel.answer(definitions(repository))
    elif verb == "plan":
        channel.answer(plan_of_run(repository, request))
    else:
        shown = Console(channel) if request.get("prints_events") else channel
        execute_step(repository, request, shown)


def _target(request: Mapping[str, Any]) -> Mapping[str, Any]:
    target = request.get("target")
    if not isinstance(target, Mapping):
        raise BadRequest("the request has no target")
    return target

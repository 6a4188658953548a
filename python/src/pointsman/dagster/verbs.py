"""The verbs of one request: what each loads, and what it does with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel
from pointsman.dagster.console import Console
from pointsman.dagster.describe import definitions
from pointsman.dagster.ending import finish_what_was_executed, remember_threads
from pointsman.dagster.instance import refuse_instance
from pointsman.dagster.load import collect_garbage_from_now_on, load_repository, target_of
from pointsman.dagster.step import execute_step
from pointsman.dagster.submission import plan_of_run
from pointsman.dagster.tick import evaluate_ticks
from pointsman.dagster.whole import execute_run


def run(verb: str, request: Mapping[str, Any], channel: Channel) -> None:
    """Runs one verb to its end."""
    compat.silence_default_console()
    refuse_instance()
    repository = load_repository(target_of(request))
    collect_garbage_from_now_on()
    execute(verb, repository, request, channel)


def execute(verb: str, repository: Any, request: Mapping[str, Any], channel: Channel) -> None:
    """Runs one verb on code that is loaded."""
    remember_threads()
    _VERBS[verb](repository, request, channel)


def _describe(repository: Any, _request: Mapping[str, Any], channel: Channel) -> None:
    channel.answer(definitions(repository))


def _plan(repository: Any, request: Mapping[str, Any], channel: Channel) -> None:
    channel.answer(plan_of_run(repository, request))


def _tick(repository: Any, request: Mapping[str, Any], channel: Channel) -> None:
    for answer in evaluate_ticks(repository, request):
        channel.answer(answer)


def _step(repository: Any, request: Mapping[str, Any], channel: Channel) -> None:
    execute_step(repository, request, _shown(request, channel))
    finish_what_was_executed()


def _run(repository: Any, request: Mapping[str, Any], channel: Channel) -> None:
    execute_run(repository, request, _shown(request, channel))
    finish_what_was_executed()


def _shown(request: Mapping[str, Any], channel: Channel) -> Channel | Console:
    return Console(channel) if request.get("prints_events") else channel


_VERBS: dict[str, Callable[[Any, Mapping[str, Any], Channel], None]] = {
    "describe": _describe,
    "plan": _plan,
    "run": _run,
    "step": _step,
    "tick": _tick,
}

"""Offers runs that are submitted to a run coordinator class of the user's.

The class is loaded and configured as Dagster does it; then each line on standard input is a run
that somebody submits, in the words of submission hooks, and is answered by the tags that the class
has written, or by why it refuses the run. Queueing and launching is the program's: what the class
hands to its parent's `submit_run` is a run that goes on.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from dagster import DagsterInvalidConfigError

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel
from pointsman.dagster.errors import BadRequest, LoadFailed
from pointsman.dagster.instance import refuse_instance
from pointsman.dagster.load import collect_garbage_from_now_on, load_error
from pointsman.dagster.offer import Desk

# A question has all tags, headers and the config of a run; each of them is bounded by the program.
MAX_LINE_BYTES = 16 * 1024 * 1024


def coordinate(stdin: BinaryIO, channel: Channel) -> None:
    """Answers until there are no more runs; if the class cannot be loaded, that is an answer."""
    opening = _next(stdin)
    if opening is None:
        return
    compat.silence_default_console()
    refuse_instance()
    coordinator = _load(opening)
    base = base_of(coordinator)
    desk = Desk(coordinator, base, opening.get("storage") or "", opening.get("instance"))
    collect_garbage_from_now_on()
    channel.answer({"kind": "coordinator", "base": base, "dagster": compat.version()})
    while (question := _next(stdin)) is not None:
        channel.reply({"id": question.get("id"), **desk.judge(question)})


def base_of(coordinator: object) -> str:
    """Returns what a coordinator does with runs: `queued`, `immediate`, or `other`."""
    if isinstance(coordinator, compat.QueuedRunCoordinator):
        return "queued"
    return "immediate" if isinstance(coordinator, compat.DefaultRunCoordinator) else "other"


def _next(stdin: BinaryIO) -> dict[str, Any] | None:
    line = stdin.readline(MAX_LINE_BYTES + 1)
    if not line:
        return None
    if len(line) > MAX_LINE_BYTES:
        raise BadRequest(f"a line has more than {MAX_LINE_BYTES} bytes")
    try:
        message = json.loads(line)
    except ValueError as error:
        raise BadRequest(f"a line is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadRequest("a line is no object")
    return message


def _load(opening: Mapping[str, Any]) -> Any:
    """Returns the coordinator that is configured. Raises `LoadFailed` for the user's mistakes."""
    module, name = opening.get("module"), opening.get("class")
    if not isinstance(module, str) or not isinstance(name, str):
        raise BadRequest("the first line names no module and class")
    # The folder of the configuration is this process' own, and so the first that is searched.
    os.environ.update(compat.environment_of_project(os.getcwd()))
    sys.path += [folder for folder in opening.get("search") or () if folder not in sys.path]
    try:
        return _configured(module, name, opening.get("config") or {})
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too: a module may call sys.exit
        answer = load_error(error, None)
        if isinstance(error, DagsterInvalidConfigError):
            answer["message"] = _what_is_wrong(error)
            # Where in Dagster it was found out is nothing that the user can mend.
            answer["traceback"] = ""
        raise LoadFailed(answer) from error


def _configured(module: str, name: str, config: Mapping[str, Any]) -> Any:
    found = getattr(_imported(module), name, None)
    if found is None:
        raise AttributeError(f"module {module} has no class {name}")
    if not inspect.isclass(found) or not issubclass(found, compat.RunCoordinator):
        raise TypeError(f"{module}.{name} is no subclass of Dagster's RunCoordinator")
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(found.__abstractmethods__))
        raise TypeError(f"{module}.{name} is abstract: it lacks {lacking}")
    coordinator = compat.configured(module, name, config)
    if isinstance(coordinator, compat.QueuedRunCoordinator):
        _refuse_settings_in_code(coordinator, config)
    return coordinator


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A module that the user's own imports is shown with the import.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        where = f"{os.getcwd()} (the folder of the configuration), PYTHONPATH, installed packages"
        raise ModuleNotFoundError(
            f"No module named {error.name!r}; searched: {where}", name=error.name
        ) from None


def _refuse_settings_in_code(coordinator: Any, config: Mapping[str, Any]) -> None:
    """Refuses limits that only the class knows: the queue goes by the configuration."""
    configured = compat.queue_settings(compat.plain_queue(config))
    for key, value in compat.queue_settings(coordinator).items():
        if value != configured[key]:
            raise ValueError(
                f"the class sets {key} to {value!r} in its code, where its config says "
                f"{configured[key]!r}: write it under `config`, which the queue goes by"
            )


def _what_is_wrong(error: DagsterInvalidConfigError) -> str:
    return "; ".join(
        f"{each['path']}: {each['message']}" if each["path"] else each["message"]
        for each in compat.config_errors(error)
    )

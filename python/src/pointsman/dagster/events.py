"""Our vocabulary of what happens in a step, made from Dagster's events.

The last line of a step is held back until everything is over: hooks run after Dagster has said that
the step has succeeded or failed, and nothing may come after the last line.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel, Message
from pointsman.dagster.console import Console
from pointsman.dagster.metadata import metadata_json

# Causes of causes: a chain longer than this is a loop of a library's making.
MAX_CAUSES = 20

Type = compat.DagsterEventType


class StepEvents:
    """Turns the events of one step into lines, and remembers the last of them."""

    def __init__(self, channel: Channel | Console) -> None:
        self._channel = channel
        self._last: Message | None = None

    def take(self, entry: Any) -> None:
        """Takes an entry of the event log as Dagster stores it."""
        message = line_of(entry)
        if message is None:
            return
        line = {"at": entry.timestamp, **message}
        if message["kind"] in LAST_KINDS:
            self._last = line
        else:
            self._channel.send(line)

    def end(self, error: BaseException | None) -> None:
        """Writes the last line: the one that Dagster gave, else a failure with what was raised."""
        self._channel.send(self._last or {"at": time.time(), **_failed_outside(error)})


LAST_KINDS = frozenset({"succeeded", "skipped", "up_for_retry", "failed"})


def _failed_outside(error: BaseException | None) -> Message:
    """A failure that Dagster has not made an event of: before or after the step's own code."""
    if error is None:
        message = "the step ended without a result"
        told: Message = {"class": "NoResult", "message": message, "stack": "", "cause": None}
    else:
        told = error_of_exception(error)
    return {"kind": "failed", "error": told, "allow_retries": True}


def line_of(entry: Any) -> Message | None:
    """Returns the line for an entry of the event log, or nothing if it tells nothing of use."""
    event = entry.dagster_event
    if event is None:
        return _log_line(entry)
    make = _LINES.get(event.event_type)
    return make(event) if make else None


def _log_line(entry: Any) -> Message:
    level = entry.level
    name = logging.getLevelName(level) if isinstance(level, int) else str(level).upper()
    line: Message = {"kind": "log", "level": name, "message": entry.user_message}
    if entry.error_info is not None:
        line["error"] = error_json(entry.error_info)
    return line


def _output(event: Any) -> Message:
    data = event.step_output_data
    check = data.type_check_data
    return {
        "kind": "output",
        "name": data.output_name,
        "mapping_key": data.mapping_key,
        "type_check": None if check is None else check.success,
        "metadata": metadata_json(data.metadata),
    }


def _materialization(event: Any) -> Message:
    said = event.step_materialization_data.materialization
    told = _asset_event(said)
    return {"kind": "materialization", **told, "tags": _true_tags(told["tags"])}


def _true_tags(tags: dict[str, str]) -> dict[str, str]:
    """Returns the tags that say something true.

    Dagster makes data versions of those of what a step reads, which nobody has told it here. What
    the user's code gave as a data version stays.
    """
    is_users = tags.get("dagster/data_version_is_user_provided") == "true"
    made_up = ("dagster/input_", *(() if is_users else ("dagster/data_version",)))
    return {key: value for key, value in tags.items() if not key.startswith(made_up)}


def _observation(event: Any) -> Message:
    return {"kind": "observation", **_asset_event(event.asset_observation_data.asset_observation)}


def _asset_event(said: Any) -> Message:
    return {
        "asset_key": said.asset_key.to_user_string(),
        "partition": said.partition,
        "description": said.description,
        "metadata": metadata_json(said.metadata),
        "tags": dict(said.tags or {}),
    }


def _check(event: Any) -> Message:
    said = event.asset_check_evaluation_data
    return {
        "kind": "check",
        "asset_key": said.asset_key.to_user_string(),
        "check": said.check_name,
        "passed": said.passed,
        "severity": said.severity.value,
        "description": said.description,
        "metadata": metadata_json(said.metadata),
    }


def _expectation(event: Any) -> Message:
    said = event.event_specific_data.expectation_result
    return {
        "kind": "expectation",
        "label": said.label,
        "passed": said.success,
        "description": said.description,
        "metadata": metadata_json(said.metadata),
    }


def _failed(event: Any) -> Message:
    data = event.step_failure_data
    line: Message = {"kind": "failed", "error": error_json(data.error)}
    line["allow_retries"] = _allows_retries(sys.exc_info()[1])
    if data.user_failure_data is not None:
        line["description"] = data.user_failure_data.description
        line["metadata"] = metadata_json(data.user_failure_data.metadata)
    return line


def _allows_retries(raised: BaseException | None) -> bool:
    # Dagster's event does not say it; but Dagster makes the event while it handles what was raised.
    return not isinstance(raised, dagster.Failure) or raised.allow_retries


def _up_for_retry(event: Any) -> Message:
    data = event.step_retry_data
    return {
        "kind": "up_for_retry",
        "seconds_to_wait": data.seconds_to_wait or 0,
        "error": error_json(data.error),
    }


def _engine(event: Any) -> Message:
    line: Message = {"kind": "engine", "message": event.message or event.event_type.value}
    error = getattr(event.event_specific_data, "error", None)
    if error is not None:
        line["error"] = error_json(error)
    return line


_LINES: dict[Any, Callable[[Any], Message]] = {
    Type.STEP_START: lambda _event: {"kind": "started"},
    Type.STEP_RESTARTED: lambda _event: {"kind": "started"},
    Type.STEP_OUTPUT: _output,
    Type.STEP_SUCCESS: lambda _event: {"kind": "succeeded"},
    Type.STEP_SKIPPED: lambda _event: {"kind": "skipped"},
    Type.STEP_FAILURE: _failed,
    Type.STEP_UP_FOR_RETRY: _up_for_retry,
    Type.ASSET_MATERIALIZATION: _materialization,
    Type.ASSET_OBSERVATION: _observation,
    Type.ASSET_CHECK_EVALUATION: _check,
    Type.STEP_EXPECTATION_RESULT: _expectation,
    Type.ENGINE_EVENT: _engine,
    Type.RESOURCE_INIT_FAILURE: _engine,
    Type.HOOK_COMPLETED: _engine,
    Type.HOOK_ERRORED: _engine,
}


def error_json(error: Any) -> Message:
    """Returns an error of Dagster's as class, message, stack and cause."""
    return _error_json(error, MAX_CAUSES)


def _error_json(error: Any, causes_left: int) -> Message:
    cause = error.cause if error.cause is not None else getattr(error, "context", None)
    name = error.cls_name or "Error"
    return {
        "class": name,
        "message": _without_class(error.message, name),
        "stack": "".join(error.stack),
        "cause": _error_json(cause, causes_left - 1) if cause and causes_left else None,
    }


def error_of_exception(error: BaseException) -> Message:
    """Returns an exception as `error_json` does."""
    info: Any = (type(error), error, error.__traceback__)
    return error_json(compat.serializable_error_info_from_exc_info(info))


def _without_class(message: str, name: str) -> str:
    """Takes the class from the front of `pkg.Class: message`: it stands in a key of its own."""
    text = message.rstrip("\n")
    head, colon, rest = text.partition(": ")
    if head == name or head.endswith(f".{name}"):
        return rest if colon else ""
    return text

"""What a person reads while a step runs: its log lines, checks and errors, on standard error.

They stand there in their place between whatever user code prints itself.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from pointsman.dagster.channel import Channel, Message

# What no run hangs on. An answer that is longer than the program takes loses its last line, and
# with it the step.
_ONLY_SHOWN = frozenset({"log", "materialization", "observation", "check", "expectation", "engine"})


class Console:
    """A channel that shows log lines, checks and errors, and passes on what a run hangs on."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, message: Message) -> None:
        """Shows a message, and sends it on if the run hangs on it."""
        kind, error = message["kind"], message.get("error")
        if kind == "log":
            _show(_log_text(message))
        elif kind == "check":
            _show(_check_text(message))
        elif error:
            _show("".join(_error_text(error)))
        if kind not in _ONLY_SHOWN:
            self._channel.send({key: told for key, told in message.items() if key != "metadata"})


def _check_text(message: Message) -> str:
    level, how = ("INFO", "passed") if message["passed"] else (message["severity"], "failed")
    return f"{_at(message)} {level} check {message['check']} of {message['asset_key']} {how}\n"


def _log_text(message: Message) -> str:
    text = f"{_at(message)} {message['level']} {message['message']}\n"
    error = message.get("error")
    return text + "".join(_error_text(error)) if error else text


def _at(message: Message) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(message["at"]))


def _error_text(error: dict[str, Any]) -> list[str]:
    lines = [f"{error['class']}: {error['message']}\n", error["stack"]]
    if error["cause"]:
        lines += ["The cause of that:\n", *_error_text(error["cause"])]
    return lines


def _show(text: str) -> None:
    # User code may have closed it, or put something else in its place.
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass

"""What a person reads while a step runs: its log lines and errors, on standard error.

They stand there in their place between whatever user code prints itself.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from pointsman.dagster.channel import Channel, Message

# What is only to be kept, which nobody does who reads the console. An answer that is longer than the
# program takes loses its last line, and with it the step.
_ONLY_KEPT = frozenset({"materialization", "observation", "check", "expectation", "engine"})


class Console:
    """A channel that keeps log lines to standard error and shows errors there, too.

    It passes on what decides how the run goes on, and nothing else.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, message: Message) -> None:
        """Shows a message, and sends it on if the run hangs on it."""
        if message["kind"] == "log":
            _show(_log_text(message))
            return
        error = message.get("error")
        if error:
            _show("".join(_error_text(error)))
        if message["kind"] in _ONLY_KEPT:
            return
        self._channel.send({key: told for key, told in message.items() if key != "metadata"})


def _log_text(message: Message) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(message["at"]))
    text = f"{at} {message['level']} {message['message']}\n"
    error = message.get("error")
    return text + "".join(_error_text(error)) if error else text


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

"""What a person reads while a step runs: its log lines and errors, on standard error.

They stand there in their place between whatever user code prints itself.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from pointsman.dagster.channel import Channel, Message


class Console:
    """A channel that keeps log lines to standard error and shows errors there, too."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, message: Message) -> None:
        """Shows a message, and sends it on unless it is a log line."""
        if message["kind"] == "log":
            _show(_log_text(message))
            return
        error = message.get("error")
        if error:
            _show("".join(_error_text(error)))
        self._channel.send(message)


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

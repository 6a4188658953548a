"""What a person reads while a step runs: its log lines, checks and errors, on standard error.

They stand there in their place between whatever user code prints itself. All of it goes on the
channel too, as far as there is room: what the run hangs on always has some.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from pointsman.dagster.channel import Channel, Message

# An answer that is longer than the program takes (64 MiB) loses its last line, and with it the
# step. So what no run hangs on has no more room than this. Log lines take none from the rest.
MAX_LOGGED_BYTES = 8 * 1024 * 1024
MAX_TOLD_BYTES = 24 * 1024 * 1024

_LOGGED = frozenset({"log", "engine"})
_TOLD = frozenset({"materialization", "observation", "check", "expectation"})
_LAST = frozenset({"succeeded", "skipped", "up_for_retry", "failed", "run_succeeded", "run_failed"})


class Console:
    """A channel that shows log lines, checks and errors, and bounds what no run hangs on."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._log_room = MAX_LOGGED_BYTES
        self._room = MAX_TOLD_BYTES
        self._left_out = 0
        # Messages come from all threads of user code.
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Shows a message and sends it on, if there is room or the run hangs on it."""
        kind, error = message["kind"], message.get("error")
        if kind == "log":
            _show(_log_text(message))
        elif kind == "check":
            _show(_check_text(message))
        elif error:
            _show("".join(_error_text(error)))
        with self._lock:
            self._pass_on(kind, message)

    def _pass_on(self, kind: str, message: Message) -> None:
        if kind in _LOGGED:
            self._log_room -= self._channel.send_within(self._log_room, message)
        elif kind in _TOLD:
            if not self._has_told(message):
                self._left_out += 1
        elif kind == "output":
            if not self._has_told(message):
                self._channel.send({**message, "metadata": []})
        else:
            if kind in _LAST and self._left_out:
                left_out = {"at": message["at"], "kind": "left_out", "events": self._left_out}
                self._channel.send(left_out)
                self._left_out = 0
            self._channel.send(message)

    def _has_told(self, message: Message) -> bool:
        length = self._channel.send_within(self._room, message)
        self._room -= length
        return length > 0


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

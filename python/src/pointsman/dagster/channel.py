"""The descriptor on which the answers go: whole JSON lines of bounded length, from one process.

stdout and stderr belong to the user's code, which may print what it likes. The descriptor is not
inherited by the processes that user code starts, and a fork of this one cannot write to it: two
writers would tear each other's lines.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

VERSION = 1

# What the program reads as the line of an event. A log line of user code can be larger than all
# memory of a worker; nobody reads a line of more than this.
MAX_LINE_BYTES = 1024 * 1024

# What is left of a text that makes its line too long. The other texts of the line and the marks of
# JSON (six characters for one that is escaped) must fit too.
MAX_TEXT_CHARS = 64 * 1024

# The definitions of a code location, or the plan of a run: some thousand assets with the first of
# their partitions are a few megabytes.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

Message = dict[str, Any]


class AnswerTooLong(Exception):  # noqa: N818
    """An answer would be longer than the program reads."""

    def __init__(self, length: int) -> None:
        super().__init__(f"the answer has {length} bytes, more than {MAX_ANSWER_BYTES}")


class Channel:
    """Writes messages, one line each."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor: int | None = descriptor
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    @property
    def descriptor(self) -> int:
        """The descriptor; -1 in a fork of the process that opened the channel."""
        return -1 if self._descriptor is None else self._descriptor

    def send(self, message: Message) -> None:
        """Writes an event, its texts cut if its line would be too long."""
        self._write(encode({"version": VERSION, **message}))

    def send_within(self, room: int, message: Message) -> int:
        """Writes an event if its line has no more bytes than that; returns how many, or 0."""
        line = encode({"version": VERSION, **message})
        if len(line) > room:
            return 0
        self._write(line)
        return len(line)

    def answer(self, message: Message) -> None:
        """Writes the answer to a request, whole: definitions that are cut are no definitions."""
        line = _dump({"version": VERSION, **message})
        if len(line) > MAX_ANSWER_BYTES:
            raise AnswerTooLong(len(line))
        self._write(line)

    def reply(self, message: Message) -> None:
        """Writes a message of the protocol of submission hooks, which has a version of its own."""
        self._write(_dump(message))

    def _write(self, line: bytes) -> None:
        with self._lock:
            # Nothing is written in a fork of the process that opened the channel.
            if self._descriptor is not None:
                _write_all(self._descriptor, line)

    def _forget(self) -> None:
        # Another thread may have held the lock at the fork, and is not here to release it.
        self._lock = threading.Lock()
        self._descriptor = None


def encode(message: Message) -> bytes:
    """Returns the line of a message; one that is too long gets its texts cut, and they say so."""
    line = _dump(message)
    if len(line) <= MAX_LINE_BYTES:
        return line
    for limit in (MAX_TEXT_CHARS, MAX_TEXT_CHARS // 16, MAX_TEXT_CHARS // 256):
        line = _dump(_cut(message, limit))
        if len(line) <= MAX_LINE_BYTES:
            return line
    kept = {key: _cut(value, 256) for key, value in message.items() if _is_small(value)}
    return _dump({**kept, "is_cut": True})


def _dump(message: Message) -> bytes:
    # ASCII, so that there are no separators of lines but ours.
    line = json.dumps(message, ensure_ascii=True, allow_nan=False)
    if "\\ud" in line:
        line = json.dumps(_without_halves(message), ensure_ascii=True, allow_nan=False)
    return line.encode("ascii") + b"\n"


def _without_halves(value: Any) -> Any:
    """Replaces halves of surrogates in a user's texts: no other language reads them."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    return value


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]} [cut: {len(value) - limit} more characters]"
    if isinstance(value, dict):
        return {_cut(key, limit): _cut(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, limit) for item in value]
    return value


def _is_small(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool)) or value is None


def _write_all(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]

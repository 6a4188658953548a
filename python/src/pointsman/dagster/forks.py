"""What a guard and a fork server say to each other on the server's socket, and how.

Every message is one line of JSON. A text in an order is the bytes of the system, each as the
character of its number, because paths and variables need not be Unicode.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.dagster.channel import VERSION
from pointsman.dagster.errors import BadRequest

# The largest order: the environment of a process has at most some megabytes.
MAX_ORDER_BYTES = 16 * 1024 * 1024

# The bytes by which a guard lets the command begin, and orders its end.
GO = b"g"
TERMINATE = b"t"

_AT_ONCE = 64 * 1024


@dataclass
class Files:
    """The descriptors that a guard hands over."""

    request: int
    out: int
    err: int
    lock: int
    answer: int

    def close(self) -> None:
        """Closes what the command alone needs. The lock stays."""
        for descriptor in (self.request, self.out, self.err, self.answer):
            os.close(descriptor)


@dataclass
class Order:
    """A command that a fork is to stand for."""

    command: Sequence[bytes]
    environment: Mapping[bytes, bytes]
    folder: bytes
    files: Files

    @property
    def verb(self) -> str:
        """What the command does."""
        return os.fsdecode(self.command[-1]) if self.command else ""

    def close(self) -> None:
        """Closes all descriptors."""
        self.files.close()
        os.close(self.files.lock)


def tell(connection: socket.socket, kind: str, **more: Any) -> None:
    """Sends a message."""
    connection.sendall(json.dumps({"version": VERSION, "kind": kind, **more}).encode() + b"\n")


def receive_order(connection: socket.socket) -> Order | None:
    """Waits for an order. None, if the guard has gone or says what is none."""
    line, descriptors, _flags, _address = socket.recv_fds(connection, _AT_ONCE, len(_FILES))
    try:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        order = _order(_rest_of(connection, line), descriptors)
    except (BadRequest, OSError, ValueError, KeyError, AttributeError, TypeError):
        for descriptor in descriptors:
            os.close(descriptor)
        return None
    return order


_FILES = ("request", "out", "err", "lock", "answer")


def _rest_of(connection: socket.socket, begin: bytes) -> bytes:
    line = bytearray(begin)
    while not line.endswith(b"\n"):
        more = connection.recv(_AT_ONCE)
        if not more or len(line) > MAX_ORDER_BYTES:
            raise BadRequest("an order has no end")
        line += more
    return bytes(line)


def _order(line: bytes, descriptors: Sequence[int]) -> Order:
    said = json.loads(line)
    if said["version"] != VERSION or len(descriptors) != len(_FILES):
        raise BadRequest(f"an order is not of version {VERSION}")
    return Order(
        command=[_bytes(part) for part in said["command"]],
        environment={_bytes(key): _bytes(text) for key, text in said["environment"].items()},
        folder=_bytes(said["folder"]),
        files=Files(*descriptors),
    )


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")

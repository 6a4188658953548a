"""The fork server of a code location: loads the code once, and executes commands by forks of it.

A guard that is to start a command asks on the server's socket for a fork that stands for it. It
gets one only if that cannot be told from the command: the code has not changed since it was loaded,
folder and environment are the same, and there is one thread alone, because a fork has no other and
whatever these held would be held for ever. A guard that is refused starts the command itself.

The server executes nothing of the user's once the code is loaded, has no instance, opens no
database and asks nobody.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from pointsman.dagster import compat
from pointsman.dagster.channel import Channel
from pointsman.dagster.describe import definitions
from pointsman.dagster.errors import BadRequest
from pointsman.dagster.exits import CHANGED, DONE
from pointsman.dagster.forked import OF_THE_RUN, Dispositions, become, dispositions
from pointsman.dagster.forks import Order, receive_order, tell
from pointsman.dagster.instance import refuse_instance
from pointsman.dagster.keeper import keep
from pointsman.dagster.load import collect_garbage_from_now_on, load_repository, target_of
from pointsman.dagster.sources import Sources

# What a fork may stand for.
VERBS = ("plan", "run", "step")

# How many guards may wait to be answered; one that finds no place starts its command itself.
MAX_WAITING = 128

# How long a guard may take for what it has to say: it is a program, and says it at once.
LONGEST_TALK_SECONDS = 5.0


def serve(request: Mapping[str, Any], channel: Channel) -> int:
    """Loads the code, answers with its definitions, and serves guards until the code changes."""
    path = request.get("socket")
    if not isinstance(path, str):
        raise BadRequest("the request has no socket")
    began_ns = time.time_ns()
    compat.silence_default_console()
    refuse_instance()
    target = target_of(request)
    repository = load_repository(target)
    collect_garbage_from_now_on()
    loaded = dispositions()
    answer = definitions(repository)
    folder = target.get("working_directory") or os.getcwd()
    server = Server(repository, loaded, Sources(folder, began_ns), os.fsencode(folder))
    if (threads := _threads()) > 1:
        answer["warnings"].append(_why_cold(threads))
        channel.answer(answer)
        return DONE
    with _listen(path) as listener:
        channel.answer(answer)
        return server.run(listener, channel.descriptor)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _why_cold(threads: int) -> str:
    return (
        f"its steps are started cold: it has {threads} threads once it is loaded, and a process"
        " with threads cannot be forked safely"
    )


def _listen(path: str) -> socket.socket:
    """Listens at a path, which may be longer than the address of a socket can be."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        listener.listen(MAX_WAITING)
    finally:
        os.close(folder)
    return listener


class Server:
    """Code that is loaded, and how it was loaded."""

    def __init__(
        self, repository: Any, loaded: Dispositions, sources: Sources, folder: bytes
    ) -> None:
        self._repository = repository
        self._loaded = loaded
        self._sources = sources
        self._folder = folder
        self._environment = _without_run(_environment_at_start())
        self._keepers: set[int] = set()
        self._own_descriptors: list[int] = []

    def run(self, listener: socket.socket, answers: int) -> int:
        """Serves guards until the code changes; returns the exit code that says so."""
        wake, signaled = _own_signals()
        self._own_descriptors = [listener.fileno(), answers, wake, signaled]
        # Nothing that is there now is ever looked at for garbage, here or in a fork.
        gc.freeze()
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        waiting.register(wake, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _event in waiting.poll()}
            if wake in ready:
                os.read(wake, 1024)
                self._reap()
            if listener.fileno() in ready and not self._accept(listener):
                return CHANGED

    def _accept(self, listener: socket.socket) -> bool:
        """Answers a guard; returns whether the code is still as it was loaded."""
        connection, _address = listener.accept()
        with connection:
            connection.settimeout(LONGEST_TALK_SECONDS)
            changed = self._sources.changed()
            # A guard that has gone away, or dawdles, starts its command itself.
            with contextlib.suppress(OSError):
                if changed is not None:
                    tell(connection, "refused", why=f"{changed} has changed")
                else:
                    self._answer(connection)
        return changed is None

    def _answer(self, connection: socket.socket) -> None:
        if (threads := _threads()) > 1:
            tell(connection, "refused", why=f"the server has {threads} threads")
            return
        tell(connection, "ready")
        order = receive_order(connection)
        if order is None:
            return
        try:
            why = self._why_not(order)
            if why is not None:
                tell(connection, "refused", why=why)
            else:
                self._fork(connection, order)
        finally:
            order.close()

    def _why_not(self, order: Order) -> str | None:
        if order.verb not in VERBS:
            return f"no fork stands for {order.verb!r}"
        if order.folder != self._folder:
            return "the command runs in another folder"
        if _without_run(order.environment) != self._environment:
            return "the command has another environment"
        return None

    def _fork(self, connection: socket.socket, order: Order) -> None:
        for stream in (sys.stdout, sys.stderr):
            # What the code has printed is not printed again by every fork.
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        keeper = os.fork()
        if keeper == 0:
            self._keep(connection, order)
        self._keepers.add(keeper)

    def _keep(self, connection: socket.socket, order: Order) -> NoReturn:
        def begin() -> NoReturn:
            become(order, self._repository, self._loaded)

        keep(connection, order.files, self._own_descriptors, begin)

    def _reap(self) -> None:
        # Those alone: the code may wait for processes of its own.
        ended = {pid for pid in self._keepers if os.waitpid(pid, os.WNOHANG)[0] == pid}
        self._keepers -= ended


def _own_signals() -> tuple[int, int]:
    """Lets signals end the server, whatever the code made of them.

    Returns a pipe out of which something comes when a child has ended.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    wake, signaled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(signaled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return wake, signaled


def _environment_at_start() -> dict[bytes, bytes]:
    # Python itself and the code may have changed `os.environ` since.
    with open("/proc/self/environ", "rb") as file:
        entries = file.read().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)


def _without_run(environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: text for key, text in environment.items() if not key.startswith(OF_THE_RUN)}

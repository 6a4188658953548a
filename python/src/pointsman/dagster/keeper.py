"""The keeper of a forked command: what a guard is to a command that it has started itself.

It is the first fork. It leads a session of its own, in which the command is, and adopts whatever
the command leaves behind; it starts the command when its guard says so, tells how it ended, and
ends when nothing is left. A guard that has gone away means that all of it is killed.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable
from typing import NoReturn

from pointsman.dagster.forks import GO, TERMINATE, Files, tell
from pointsman.dagster.lifeline import close_all_but

# What a command may send to its group and the keeper must survive, as a guard does; and what says
# that a child has ended.
HANDLED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTSTP,
    signal.SIGTTOU,
    signal.SIGCHLD,
)

_PR_SET_CHILD_SUBREAPER = 36

# Looked for before the first fork: a library is loaded once.
_libc = ctypes.CDLL(None, use_errno=True)


def keep(
    connection: socket.socket,
    files: Files,
    of_server: Iterable[int],
    become: Callable[[], NoReturn],
) -> NoReturn:
    """Keeps a command that `become` turns a fork of this process into.

    The descriptors of the server are closed; those that the code has opened are the command's, too.
    """
    try:
        signal.set_wakeup_fd(-1)
        for descriptor in of_server:
            os.close(descriptor)
        wake = _prepare()
        tell(connection, "kept", pid=os.getpid())
        connection.settimeout(None)
        # A guard that has not got so far has started the command itself.
        if connection.recv(1) == GO:
            _run(connection, wake, files, become)
    except BaseException:
        # Of the session of the keeper alone, once it has one.
        if os.getsid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
    finally:
        os._exit(0)


def _prepare() -> tuple[int, int]:
    """Leaves the server's session; returns a pipe out of which signals come."""
    os.setsid()
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "orphans cannot be adopted")
    wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake[1], warn_on_full_buffer=False)
    for number in HANDLED:
        signal.signal(number, _nothing)
    return wake


def _nothing(_number: int, _frame: object) -> None:
    """Is no `SIG_IGN`, which the command would inherit."""


def _run(
    connection: socket.socket, wake: tuple[int, int], files: Files, become: Callable[[], NoReturn]
) -> None:
    # What is sent to the command before it is one waits until it can be taken as the command would.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    command = os.fork()
    if command == 0:
        signal.set_wakeup_fd(-1)
        for descriptor in (connection.detach(), *wake):
            os.close(descriptor)
        become()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    close_all_but({connection.fileno(), *wake, files.lock})
    tell(connection, "started", pid=command)
    _watch(connection, wake[0], command, files.lock)


def _watch(connection: socket.socket, wake: int, command: int, lock: int) -> None:
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    waiting.register(wake, select.POLLIN)
    while _reap(connection, command, lock):
        for descriptor, _event in waiting.poll():
            if descriptor == wake:
                os.read(wake, 1024)
            else:
                _obey(connection.recv(16))


def _reap(connection: socket.socket, command: int, lock: int) -> bool:
    """Reaps whatever has ended, orphans too; returns whether anything is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            # Free before anybody hears that nothing is left.
            os.close(lock)
            tell(connection, "empty")
            return False
        if pid == 0:
            return True
        if pid == command and os.WIFSIGNALED(status):
            tell(connection, "signaled", signal=os.WTERMSIG(status))
        elif pid == command:
            tell(connection, "exited", code=os.WEXITSTATUS(status))


def _obey(orders: bytes) -> None:
    if not orders:
        os.killpg(0, signal.SIGKILL)
    if TERMINATE in orders:
        os.killpg(0, signal.SIGTERM)
        # Who was stopped is continued, to be able to end.
        os.killpg(0, signal.SIGCONT)

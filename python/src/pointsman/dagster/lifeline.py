"""Ends a server with the program that has started it, whatever the user's code is doing.

The program holds the other end of the server's standard input and closes it by ending, however it
ends. Code that hangs while it is loaded would never read that end, so a process of its own waits
for it. When it comes, or when the server has ended, the whole group of the server is killed: what
user code has started while it was loaded, too. Steps are in sessions of their own and stay.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import NoReturn


def end_with(descriptor: int) -> None:
    """Sees to it that this process and its group end when the other end of a pipe is closed."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    server = os.pidfd_open(os.getpid())
    if os.fork() == 0:
        _wait_and_kill(descriptor, server)
    os.close(server)


def _wait_and_kill(descriptor: int, server: int) -> NoReturn:
    try:
        close_all_but({descriptor, server})
        ends = select.poll()
        ends.register(descriptor, 0)  # its end alone, not what is written
        ends.register(server, select.POLLIN)
        ends.poll()
    finally:
        os.killpg(0, signal.SIGKILL)
        os._exit(0)  # not reached: this process is of the group


def close_all_but(kept: set[int]) -> None:
    """Closes every descriptor but these; the standard ones lead nowhere from then on."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        if standard not in kept:
            os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            # The folder that was listed is closed by now.
            close_if_open(int(name))


def close_if_open(descriptor: int) -> None:
    """Closes a descriptor, if it is one."""
    with contextlib.suppress(OSError):
        os.close(descriptor)

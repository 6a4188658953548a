"""The end of a process: what user code may still do, and what nobody waits for.

Python waits at its end for every thread that is no daemon, and takes every module to pieces. A
thread that was there when the code had been loaded serves a module and may never end: nobody waits
for it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from typing import NoReturn

_threads_of_loading: set[threading.Thread] = set()


def remember_threads() -> None:
    """Takes down which threads are there before anything is executed."""
    _threads_of_loading.update(threading.enumerate())


def finish_what_was_executed() -> None:
    """Waits for threads that executed code has left behind, and runs exit hooks, as Python does."""
    # Dagster gave SIGTERM what SIGINT does; from now on both end the process at once.
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, signal.SIG_DFL)
    _end_thread_pools()
    for thread in threading.enumerate():
        is_waited_for = not thread.daemon and thread not in _threads_of_loading
        if is_waited_for and thread is not threading.current_thread():
            thread.join()
    atexit._run_exitfuncs()


def _end_thread_pools() -> None:
    # Threads of a pool that nobody has shut down wait for work until Python tells them.
    pools = sys.modules.get("concurrent.futures.thread")
    if pools is not None:
        pools._python_exit()


def end(code: int) -> NoReturn:
    """Ends the process without taking the interpreter to pieces, which takes its time."""
    for stream in (sys.stdout, sys.stderr):
        # It may be closed by the user, or nobody reads it any more.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code)

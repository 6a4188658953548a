"""Turns a fork of the server into the process that its guard would otherwise have started.

Whatever such a process has of its own is given back: its files, its signals, its variables, its
random numbers. The code is there already.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from pointsman.dagster import verbs
from pointsman.dagster.channel import VERSION, Channel
from pointsman.dagster.ending import end
from pointsman.dagster.errors import BadRequest
from pointsman.dagster.exits import CANNOT_UNDERSTAND, DIED, DONE
from pointsman.dagster.forks import Order
from pointsman.dagster.keeper import HANDLED

# Variables that tell a command about its run begin so. The others are the server's own.
OF_THE_RUN = b"POINTSMAN_"

Dispositions = Mapping[int, Any]


def dispositions() -> Dispositions:
    """Returns what signals do now, as far as server and keeper change it."""
    return {number: signal.getsignal(number) for number in HANDLED}


def become(order: Order, repository: Any, loaded: Dispositions) -> NoReturn:
    """Executes what an order says, with signals as they were when the code had been loaded."""
    code = DIED
    try:
        _take_files(order)
        _take_variables(order)
        _draw_random_numbers_anew()
        _take_signals(loaded)
        code = _execute(order, repository)
    except BaseException:
        traceback.print_exc()
    finally:
        end(code)


def _take_files(order: Order) -> None:
    files = order.files
    for given, standard in ((files.out, 1), (files.err, 2)):
        os.dup2(given, standard)
        os.close(given)
    # The lock is held for as long as anything is left that the command has started.
    os.set_inheritable(files.lock, True)


def _take_variables(order: Order) -> None:
    sys.argv[1:] = [order.verb, "--answer-fd", str(order.files.answer)]
    for name, value in order.environment.items():
        if name.startswith(OF_THE_RUN):
            os.environb[name] = value


def _draw_random_numbers_anew() -> None:
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _take_signals(loaded: Dispositions) -> None:
    for number, handler in loaded.items():
        # None is a handler that no Python has set, and none is known that sets one of these.
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)


def _execute(order: Order, repository: Any) -> int:
    channel = Channel(order.files.answer)
    with os.fdopen(order.files.request, "rb") as request_file:
        request = json.load(request_file)
    try:
        if request.get("version") != VERSION:
            raise BadRequest(f"the request is not of version {VERSION}")
        verbs.execute(order.verb, repository, request, channel)
    except BadRequest as error:
        channel.answer({"kind": "bad_request", "message": str(error)})
        return CANNOT_UNDERSTAND
    return DONE

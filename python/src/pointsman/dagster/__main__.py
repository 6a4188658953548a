"""`python -m pointsman.dagster VERB --answer-fd N`: one request, one answer, one process.

The request is one JSON document on standard input; the answer goes as JSON lines on descriptor N.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from typing import Any

from pointsman.dagster.channel import VERSION, Channel
from pointsman.dagster.errors import BadRequest, LoadFailed

DONE = 0
CANNOT_LOAD = 3
CANNOT_UNDERSTAND = 4

VERBS = ("describe", "plan", "step")


def main() -> None:
    """Runs one verb and ends the process."""
    arguments = _arguments()
    # Dagster gives SIGTERM what SIGINT does. A parent that ignores SIGINT (a shell's `&`) would
    # leave us with a process that heeds neither.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    channel = Channel(arguments.answer_fd)
    code = _run(arguments.verb, channel)
    _end(code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pointsman.dagster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--answer-fd", type=int, required=True, help="where the answer goes")
    return parser.parse_args()


def _run(verb: str, channel: Channel) -> int:
    try:
        request = _read_request()
        # Imported here: an installation without Dagster is an answer, not a traceback.
        from pointsman.dagster import verbs
    except BadRequest as error:
        return _cannot_understand(error, channel)
    except ImportError as error:
        channel.answer(_no_dagster(error))
        return CANNOT_LOAD
    try:
        verbs.run(verb, request, channel)
    except LoadFailed as failed:
        channel.answer(failed.answer)
        return CANNOT_LOAD
    except BadRequest as error:
        return _cannot_understand(error, channel)
    return DONE


def _read_request() -> dict[str, Any]:
    with os.fdopen(os.dup(0), "rb") as stdin:
        text = stdin.read()
    # User code that reads standard input finds its end, not a part of the protocol.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        request = json.loads(text)
    except ValueError as error:
        raise BadRequest(f"the request is no JSON: {error}") from error
    if not isinstance(request, dict) or request.get("version") != VERSION:
        raise BadRequest(f"the request is not of version {VERSION}")
    return request


def _cannot_understand(error: BadRequest, channel: Channel) -> int:
    channel.answer({"kind": "bad_request", "message": str(error)})
    return CANNOT_UNDERSTAND


def _no_dagster(error: ImportError) -> dict[str, Any]:
    hint = "install it for this Python with `pip install 'pointsman[dagster]'`"
    return {
        "kind": "load_error",
        "class": type(error).__name__,
        "message": f"Dagster cannot be imported by {sys.executable}: {error}; {hint}",
        "traceback": "",
        "file": None,
        "line": None,
    }


def _end(code: int) -> None:
    """Ends the process without taking the interpreter to pieces, which takes its time."""
    if "dagster" in sys.modules:
        from pointsman.dagster import compat

        compat.end_threads_and_run_exit_hooks()
    for stream in (sys.stdout, sys.stderr):
        # It may be closed by the user, or nobody reads it any more.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

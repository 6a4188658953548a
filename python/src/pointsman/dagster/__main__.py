"""`python -m pointsman.dagster VERB --answer-fd N`: one request, one answer, one process.

The request is one JSON document on standard input; the answer goes as JSON lines on descriptor N.
The verb `serve` takes a line and stays until its input ends; `coordinator` takes a line for every
run that is submitted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import traceback
from typing import Any, BinaryIO

from pointsman.dagster.channel import VERSION, Channel
from pointsman.dagster.ending import end
from pointsman.dagster.errors import BadRequest, LoadFailed
from pointsman.dagster.exits import CANNOT_LOAD, CANNOT_UNDERSTAND, DIED, DONE
from pointsman.dagster.lifeline import end_with

SERVE = "serve"

COORDINATOR = "coordinator"

# The verbs of one request, and those that stay.
VERBS = ("describe", "plan", "run", "step", "tick", SERVE, COORDINATOR)

STDOUT = 1
STDERR = 2


def main() -> None:
    """Runs one verb and ends the process."""
    arguments = _arguments()
    # Imports make millions of objects that stay. Looking through them again and again for garbage
    # costs a third of the time to start; `load.collect_garbage_from_now_on` takes it up again.
    gc.disable()
    # Dagster gives SIGTERM what SIGINT does. A parent that ignores SIGINT (a shell's `&`) would
    # leave us with a process that heeds neither.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Somebody may be following what the user's code prints.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    channel = Channel(_own_descriptor(arguments.answer_fd))
    try:
        with _own_stdin() as stdin:
            if arguments.verb == SERVE:
                # Before any of the user's code is there, which may hang.
                end_with(stdin.fileno())
            code = _run(arguments.verb, stdin, channel)
    except BaseException:
        # Not left to Python, which would wait for threads of the user's that may never end.
        traceback.print_exc()
        code = DIED
    end(code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pointsman.dagster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--answer-fd", type=int, required=True, help="where the answer goes")
    return parser.parse_args()


def _own_stdin() -> BinaryIO:
    """Takes standard input away from user code, which finds its end instead of our requests."""
    ours = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return os.fdopen(ours, "rb")


def _own_descriptor(descriptor: int) -> int:
    """Takes standard output away from user code if answers go there: it prints on stderr then."""
    if descriptor != STDOUT:
        return descriptor
    ours = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    return ours


def _run(verb: str, stdin: BinaryIO, channel: Channel) -> int:
    try:
        request = {} if verb == COORDINATOR else _read_request(_text_of_request(verb, stdin))
        # Imported here: an installation without Dagster is an answer, not a traceback.
        from pointsman.dagster import verbs
    except BadRequest as error:
        return _cannot_understand(error, channel)
    except ImportError as error:
        channel.answer(_no_dagster(error))
        return CANNOT_LOAD
    try:
        if verb == SERVE:
            return _serve(request, stdin, channel)
        if verb == COORDINATOR:
            _coordinate(stdin, channel)
        else:
            verbs.run(verb, request, channel)
    except LoadFailed as failed:
        channel.answer(failed.answer)
        return CANNOT_LOAD
    except BadRequest as error:
        return _cannot_understand(error, channel)
    return DONE


def _text_of_request(verb: str, stdin: BinaryIO) -> bytes:
    return stdin.readline() if verb == SERVE else stdin.read()


def _serve(request: dict[str, Any], stdin: BinaryIO, channel: Channel) -> int:
    from pointsman.dagster.serve import serve

    # Its end is waited for elsewhere.
    stdin.close()
    return serve(request, channel)


def _coordinate(stdin: BinaryIO, channel: Channel) -> None:
    from pointsman.dagster.coordinator import coordinate

    coordinate(stdin, channel)


def _read_request(text: bytes) -> dict[str, Any]:
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
    version = getattr(sys.modules.get("dagster"), "__version__", None)
    if version is None:
        hint = "install it for this Python with `pip install 'pointsman[dagster]'`"
        message = f"Dagster cannot be imported by {sys.executable}: {error}; {hint}"
    else:
        message = f"Dagster {version} of {sys.executable} is none that Pointsman knows: {error}"
    return {
        "kind": "load_error",
        "class": type(error).__name__,
        "message": message,
        "traceback": "",
        "file": None,
        "line": None,
    }


if __name__ == "__main__":
    main()

"""Answers requests about one code location from one process, which loads the code once.

Requests are JSON lines on standard input and are answered one at a time in their order. The first
names the target and is answered with its definitions. The process ends with its standard input.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from typing import Any, BinaryIO

from pointsman.dagster.channel import Channel
from pointsman.dagster.describe import definitions
from pointsman.dagster.errors import BadRequest
from pointsman.dagster.events import error_of_exception
from pointsman.dagster.instance import refuse_instance
from pointsman.dagster.load import collect_garbage_from_now_on, load_repository, target_of
from pointsman.dagster.submission import plan_of_run
from pointsman.dagster.tick import evaluate_ticks

# The largest request: a run's config has at most a megabyte, and a batch of ticks has cursors.
MAX_REQUEST_BYTES = 16 * 1024 * 1024


def serve(stdin: BinaryIO, channel: Channel) -> None:
    """Answers until there are no more requests; if the code cannot be loaded, that is an answer."""
    first = _next(stdin)
    if first is None:
        return
    refuse_instance()
    repository = load_repository(target_of(first))
    collect_garbage_from_now_on()
    channel.answer(definitions(repository))
    _end_at_once_when_told()
    while (request := _next(stdin)) is not None:
        _answer(repository, request, channel)
        _end_at_once_when_told()


def _next(stdin: BinaryIO) -> dict[str, Any] | None:
    line = stdin.readline(MAX_REQUEST_BYTES + 1)
    if not line:
        return None
    if len(line) > MAX_REQUEST_BYTES:
        raise BadRequest(f"a request has more than {MAX_REQUEST_BYTES} bytes")
    try:
        request = json.loads(line)
    except ValueError as error:
        raise BadRequest(f"a request is no JSON: {error}") from error
    if not isinstance(request, dict):
        raise BadRequest("a request is no object")
    return request


def _answer(repository: Any, request: Mapping[str, Any], channel: Channel) -> None:
    """Answers one request; what goes wrong in it is its answer, and the next is answered too."""
    number = request.get("id")
    try:
        for answer in _answers(repository, request):
            channel.answer({"id": number, **answer})
    except BadRequest as error:
        channel.answer({"id": number, "kind": "bad_request", "message": str(error)})
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # user code runs here, and may raise whatever it likes
        channel.answer({"id": number, "kind": "error", "error": error_of_exception(error)})


def _answers(repository: Any, request: Mapping[str, Any]) -> Any:
    verb = request.get("verb")
    if verb == "plan":
        return [plan_of_run(repository, request)]
    if verb == "describe":
        return [definitions(repository)]
    if verb == "tick":
        return evaluate_ticks(repository, request)
    raise BadRequest(f"there is no verb {verb!r}")


def _end_at_once_when_told() -> None:
    # The first plan makes Dagster give SIGTERM what SIGINT does, which would be a traceback.
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, signal.SIG_DFL)

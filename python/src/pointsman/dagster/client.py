"""Asks the daemon over its HTTP API. It knows requests and answers, and nothing of Dagster.

Requests never go through a proxy of the environment: the daemon listens on this machine alone.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# As long as the daemon itself takes to say that it cannot answer.
DEADLINE_SECONDS = 35

# The largest page that the API gives.
PAGE = 500

# More runs than this are no answer that user code could work with between two ticks.
MAX_RUNS = 10_000


class ClientError(Exception):
    """There is no answer, or it says no."""


class TooManyRuns(ClientError):  # noqa: N818
    """More runs match than are read."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_RUNS} runs match; give a limit or narrow the filter")


class Client:
    """Speaks with one daemon."""

    def __init__(self, url: str, token_file: str | None) -> None:
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def run(self, run_id: str) -> dict[str, Any] | None:
        """Returns all about one run, or nothing if there is none."""
        path = f"/api/v1/runs/{urllib.parse.quote(run_id, safe='')}"
        return self._ask(urllib.request.Request(self._url + path), may_be_missing=True)

    def runs(
        self, query: Sequence[tuple[str, str]], before: str | None, limit: int | None
    ) -> Iterator[dict[str, Any]]:
        """Returns the runs that match, the newest first, page by page."""
        given = 0
        while True:
            size = PAGE if limit is None else min(PAGE, limit)
            page = self._page([*query, ("limit", str(size))], before)
            for run in page["runs"]:
                given += 1
                if given > MAX_RUNS:
                    raise TooManyRuns
                yield run
            before = page["next"]
            if before is None:
                return

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a run."""
        change = {"set_tags": dict(tags), "remove_tags": []}
        body = json.dumps({"runs": [run_id], "change": change}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token()}"}
        request = urllib.request.Request(
            f"{self._url}/api/v1/run-changes", data=body, headers=headers, method="POST"
        )
        answer = self._ask(request) or {}
        for refused in answer.get("refused", ()):
            raise ClientError(str(refused.get("reason")))

    def _page(self, query: Sequence[tuple[str, str]], before: str | None) -> dict[str, Any]:
        all_of_it = [*query, *([("before", before)] if before else [])]
        address = f"{self._url}/api/v1/runs?{urllib.parse.urlencode(all_of_it)}"
        return self._ask(urllib.request.Request(address)) or {"runs": [], "next": None}

    def _token(self) -> str:
        if self._token_file is None:
            raise ClientError("no token was given, so that nothing may be changed")
        try:
            return Path(self._token_file).read_text().strip()
        except OSError as error:
            raise ClientError(f"the token cannot be read: {error}") from error

    def _ask(
        self, request: urllib.request.Request, may_be_missing: bool = False
    ) -> dict[str, Any] | None:
        try:
            with self._opener.open(request, timeout=DEADLINE_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if may_be_missing and error.code == 404:
                return None
            raise ClientError(f"the daemon says {error.code}: {_said(error)}") from error
        except (OSError, ValueError) as error:
            raise ClientError(f"the daemon at {self._url} does not answer: {error}") from error


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return error.reason

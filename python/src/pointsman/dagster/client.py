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

Query = Sequence[tuple[str, str]]

# As long as the daemon itself takes to say that it cannot answer.
DEADLINE_SECONDS = 35

# The largest page that the API gives.
PAGE = 500

# The largest page of events of assets.
EVENT_PAGE = 1000

# More runs or events than this are no answer that user code could work with between two ticks.
MAX_RUNS = 10_000

# More keys of partitions than this are more than Dagster itself can handle.
MAX_PARTITIONS = 200_000


class ClientError(Exception):
    """There is no answer, or it says no."""


class TooMany(ClientError):  # noqa: N818
    """More matches than is read."""

    def __init__(self, most: int, what: str) -> None:
        super().__init__(f"more than {most} {what} match; give a limit or narrow the filter")


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

    def runs(self, query: Query, before: str | None, limit: int | None) -> Iterator[dict[str, Any]]:
        """Returns the runs that match, the newest first, page by page."""
        given = 0
        while True:
            size = PAGE if limit is None else min(PAGE, limit)
            place = [("before", before)] if before else []
            page = self._get("runs", [*query, ("limit", str(size)), *place])
            for run in page["runs"]:
                given += 1
                if given > MAX_RUNS:
                    raise TooMany(MAX_RUNS, "runs")
                yield run
            before = page["next"]
            if before is None:
                return

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a run."""
        change = {"set_tags": dict(tags), "remove_tags": []}
        answer = self._post("run-changes", {"runs": [run_id], "change": change})
        for refused in answer.get("refused", ()):
            raise ClientError(str(refused.get("reason")))

    def asset_events(
        self,
        query: Query,
        after: int | None = None,
        before: int | None = None,
        ascending: bool = False,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Returns the events of assets that match, in the order asked for, page by page."""
        size = EVENT_PAGE if limit is None else min(EVENT_PAGE, max(limit, 1))
        fixed = [*query, ("limit", str(size)), *([("order", "oldest")] if ascending else [])]
        given = 0
        while True:
            places = [("after", after), ("before", before)]
            place = [(key, str(number)) for key, number in places if number is not None]
            page = self._get("asset-events", [*fixed, *place])
            for event in page["events"]:
                given += 1
                if given > MAX_RUNS:
                    raise TooMany(MAX_RUNS, "events")
                yield event
            if page["next"] is None:
                return
            after, before = (page["next"], before) if ascending else (after, page["next"])

    def materialized_partitions(self, asset: str) -> Iterator[str]:
        """Returns the partitions of an asset that were made at least once."""
        return self._keys("materialized-partitions", [("asset", asset)])

    def partitions(self, name: str) -> Iterator[str]:
        """Returns the keys of dynamic partitions in their order."""
        return self._keys(_set_of(name), [])

    def has_partition(self, name: str, key: str) -> bool:
        """Tells whether dynamic partitions have a key."""
        return key in self._get(_set_of(name), [("key", key)])["partitions"]

    def change_partitions(
        self, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Adds and removes dynamic partitions."""
        self._post(_set_of(name), {"add": list(add), "remove": list(remove)})

    def _keys(self, path: str, query: Query) -> Iterator[str]:
        given, after = 0, None
        while True:
            place = [("after", after)] if after is not None else []
            page = self._get(path, [*query, ("limit", str(PAGE)), *place])
            for key in page["partitions"]:
                given += 1
                if given > MAX_PARTITIONS:
                    raise TooMany(MAX_PARTITIONS, "partitions")
                yield key
            after = page["next"]
            if after is None:
                return

    def _get(self, path: str, query: Query) -> dict[str, Any]:
        address = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        return self._ask(urllib.request.Request(address)) or {}

    def _post(self, path: str, said: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token()}"}
        request = urllib.request.Request(
            f"{self._url}/api/v1/{path}",
            data=json.dumps(said).encode(),
            headers=headers,
            method="POST",
        )
        return self._ask(request) or {}

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


def _set_of(name: str) -> str:
    return f"dynamic-partitions/{urllib.parse.quote(name, safe='')}"


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return error.reason

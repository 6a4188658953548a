"""Stands in for the daemon: answers the HTTP API as its reference describes it, from lists."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "sesame"


def run_told(**known: Any) -> dict[str, Any]:
    """A run as the API tells it in lists."""
    told = {
        "id": "5f1c8a52-8f0e-4b7e-9a37-0f6f9d1c2b3a",
        "job": "daily",
        "location": "etl",
        "deployment": {"name": "prod", "kind": "full"},
        "status": "QUEUED",
        "priority": 0,
        "tags": {},
        "sequence": 17,
        "attempt": None,
        "submitted_at": "2026-01-31T12:00:00.000000Z",
        "starting_at": None,
        "started_at": None,
        "canceling_at": None,
        "ended_at": None,
        "failure": None,
    }
    return {**told, **known}


def event_told(change: int, **known: Any) -> dict[str, Any]:
    """An event of an asset as the API tells it."""
    told = {
        "change": change,
        "kind": "MATERIALIZATION",
        "asset": "orders",
        "partition": None,
        "check": None,
        "passed": None,
        "severity": None,
        "run": "5f1c8a52-8f0e-4b7e-9a37-0f6f9d1c2b3a",
        "job": "daily",
        "location": "etl",
        "step": "orders",
        "at": f"2026-01-31T12:00:{change:02}.500000Z",
        "description": None,
        "metadata": [],
        "tags": {},
    }
    return {**told, **known}


class Daemon:
    """Serves runs, events and partitions; `asked` is what it was asked."""

    def __init__(
        self,
        runs: list[dict[str, Any]],
        events: Sequence[dict[str, Any]] = (),
        partitions: dict[str, list[str]] | None = None,
    ) -> None:
        self.runs = runs
        self.events = list(events)
        self.partitions = partitions or {}
        self.asked: list[tuple[str, str]] = []
        self.changes: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def told(self, folder: Path) -> dict[str, str]:
        """What a request says of it."""
        token_file = folder / "token"
        token_file.write_text(f"{TOKEN}\n")
        port = self._server.server_address[1]
        return {"url": f"http://127.0.0.1:{port}", "token_file": str(token_file)}

    def __enter__(self) -> Daemon:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(path)
        if parts.path == "/api/v1/runs":
            query = parse_qs(parts.query)
            return 200, {"runs": [r for r in self.runs if _is_asked(r, query)], "next": None}
        query = parse_qs(parts.query)
        if parts.path == "/api/v1/asset-events":
            return 200, _events(self.events, query)
        if parts.path == "/api/v1/materialized-partitions":
            keys = {event["partition"] for event in _matching(self.events, query)} - {None}
            return 200, {"partitions": sorted(keys), "next": None}
        if parts.path.startswith(PARTITIONS):
            return 200, self._partitions_of(parts.path, query)
        run_id = parts.path.removeprefix("/api/v1/runs/")
        for run in self.runs:
            if run["id"] == run_id:
                return 200, {**run, "config": {"day": 1}}
        return 404, {"error": {"code": "unknown_run", "message": f"there is no run {run_id}"}}

    def _partitions_of(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        name = unquote(path.removeprefix(PARTITIONS))
        keys = self.partitions.get(name, [])
        if "key" in query:
            keys = [key for key in keys if [key] == query["key"]]
        after = int(query.get("after", ["0"])[0])
        # A page is smaller than what is asked for, so that there are several.
        page, rest = keys[after : after + 2], keys[after + 2 :]
        return {"name": name, "partitions": page, "next": str(after + 2) if rest else None}

    def change(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if not path.startswith(PARTITIONS):
            return {"matched": 1, "changed": body["runs"], "refused": []}
        name = unquote(path.removeprefix(PARTITIONS))
        keys = self.partitions.setdefault(name, [])
        added = [key for key in body["add"] if key not in keys]
        removed = [key for key in body["remove"] if key in keys]
        keys[:] = [key for key in keys if key not in removed] + added
        return {"name": name, "added": added, "removed": removed}


def _is_asked(run: dict[str, Any], query: dict[str, list[str]]) -> bool:
    tags = [f"{key}={value}" for key, value in run["tags"].items()]
    return (
        query.get("job", [run["job"]]) == [run["job"]]
        and run["status"] in query.get("status", [run["status"]])[0].split(",")
        and set(query.get("tag", [])) <= set(tags)
    )


PARTITIONS = "/api/v1/dynamic-partitions/"


def _matching(events: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
    def asked(event: dict[str, Any], key: str) -> bool:
        return event[key] in query.get(key, [event[key]])

    return [
        event
        for event in events
        if all(asked(event, key) for key in ("asset", "kind", "partition", "check", "run"))
    ]


def _events(events: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    found = sorted(_matching(events, query), key=lambda event: -event["change"])
    if query.get("latest") == ["true"]:
        first: dict[str, dict[str, Any]] = {}
        for event in found:
            first.setdefault(event["asset"], event)
        return {"events": list(first.values()), "next": None}
    assert len(query["asset"]) == 1
    number = {key: int(query[key][0]) for key in ("after", "before", "limit") if key in query}
    found = [
        event
        for event in found
        if number.get("after", -1) < event["change"] < number.get("before", 10**9)
    ]
    if query.get("order") == ["oldest"]:
        found.reverse()
    page = found[: min(number["limit"], 2)]
    return {"events": page, "next": page[-1]["change"] if len(page) < len(found) else None}


def _handler(daemon: Daemon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            daemon.asked.append(("GET", self.path))
            self._say(*daemon.answer(self.path))

        def do_POST(self) -> None:
            daemon.asked.append(("POST", self.path))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._say(401, {"error": {"code": "unauthorized", "message": "no token"}})
                return
            daemon.changes.append(body)
            self._say(200, daemon.change(self.path, body))

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler

"""Stands in for the daemon: answers the HTTP API as its reference describes it, from a list."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

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


class Daemon:
    """Serves runs; `asked` is what it was asked."""

    def __init__(self, runs: list[dict[str, Any]]) -> None:
        self.runs = runs
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
        run_id = parts.path.removeprefix("/api/v1/runs/")
        for run in self.runs:
            if run["id"] == run_id:
                return 200, {**run, "config": {"day": 1}}
        return 404, {"error": {"code": "unknown_run", "message": f"there is no run {run_id}"}}


def _is_asked(run: dict[str, Any], query: dict[str, list[str]]) -> bool:
    tags = [f"{key}={value}" for key, value in run["tags"].items()]
    return (
        query.get("job", [run["job"]]) == [run["job"]]
        and run["status"] in query.get("status", [run["status"]])[0].split(",")
        and set(query.get("tag", [])) <= set(tags)
    )


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
            self._say(200, {"matched": 1, "changed": body["runs"], "refused": []})

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler

"""Stands in for the guards: asks a fork server for commands, and watches over them."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driver import DEADLINE_SECONDS, Answer, environment


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


class Server:
    """A process that serves one code location."""

    def __init__(self, target: dict[str, Any], tmp_path: Path, **more: Any) -> None:
        self.folder = target["working_directory"]
        self.env = more.pop("env", None) or environment(WAREHOUSE_HOST="dwh")
        self.socket_path = tmp_path / "forks"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pointsman.dagster", "serve", "--answer-fd", "1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=self.folder,
            env=self.env,
            **more,
        )
        request = {"version": 1, "target": target, "location": "test"}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = json.dumps({**request, "socket": str(self.socket_path)})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        self.request = request
        self.hello = json.loads(self.process.stdout.readline() or "null")

    def end(self) -> int:
        self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode

    def ask(self, verb: str, request: dict[str, Any], tmp_path: Path, **more: Any) -> Forked:
        return Forked(self, verb, {**self.request, **request}, tmp_path, **more)


class Forked:
    """A command that the server is asked for."""

    def __init__(
        self,
        server: Server,
        verb: str,
        request: dict[str, Any],
        tmp_path: Path,
        folder: str | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.tmp_path = Path(os.path.realpath(tmp_path)) / f"forked-{time.monotonic_ns()}"
        self.tmp_path.mkdir()
        (self.tmp_path / "request").write_text(json.dumps(request))
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(DEADLINE_SECONDS)
        self._connection.connect(str(server.socket_path))
        self._lines = self._connection.makefile("rb")
        self.said = [self.hear()]
        if self.said[-1]["kind"] == "ready":
            self._order(server, verb, folder, env)
            self.said.append(self.hear())

    def _order(
        self, server: Server, verb: str, folder: str | None, env: dict[str, str] | None
    ) -> None:
        files = [os.open(self.tmp_path / "request", os.O_RDONLY)]
        for name in ("out", "err", "lock", "answer"):
            files.append(os.open(self.tmp_path / name, os.O_WRONLY | os.O_CREAT))
        order = {
            "version": 1,
            "command": [sys.executable, "-m", "pointsman.dagster", verb],
            "environment": {**server.env, "POINTSMAN_STEP": "told", **(env or {})},
            "folder": folder or server.folder,
        }
        socket.send_fds(self._connection, [json.dumps(order).encode() + b"\n"], files)
        for descriptor in files:
            os.close(descriptor)

    @property
    def refusal(self) -> str:
        assert self.said[-1]["kind"] == "refused", self.said
        return self.said[-1]["why"]

    def hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        return json.loads(line) if line else {"kind": "gone"}

    def go(self) -> Forked:
        assert self.said[-1]["kind"] == "kept", self.said
        self._connection.sendall(b"g")
        self.said.append(self.hear())
        assert self.said[-1]["kind"] == "started"
        return self

    @property
    def keeper(self) -> int:
        return next(said["pid"] for said in self.said if said["kind"] == "kept")

    @property
    def command(self) -> int:
        return next(said["pid"] for said in self.said if said["kind"] == "started")

    def terminate(self) -> None:
        self._connection.sendall(b"t")

    def leave(self) -> None:
        self._lines.close()
        self._connection.close()

    def is_told(self) -> bool:
        return bool(select.select([self._connection], [], [], 0)[0])

    def wait(self) -> Answer:
        """Waits until nothing is left."""
        while self.said[-1]["kind"] not in ("empty", "gone"):
            self.said.append(self.hear())
        assert self.hear()["kind"] == "gone"
        self.leave()
        return self.answer()

    def answer(self) -> Answer:
        ends = [said for said in self.said if said["kind"] in ("exited", "signaled")]
        code = ends[0].get("code", -ends[0].get("signal", 0)) if ends else -1000
        lines = (self.tmp_path / "answer").read_bytes().splitlines()
        texts = ((self.tmp_path / name).read_bytes().decode() for name in ("out", "err"))
        return Answer(code, [json.loads(line) for line in lines], *texts)

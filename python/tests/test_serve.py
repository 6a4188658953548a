"""One process answers many requests about a code location that it has loaded once."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from driver import DEADLINE_SECONDS, environment, file_target, start


class Server:
    """A process that serves; each request waits for its answer."""

    def __init__(self, target: dict[str, Any]) -> None:
        reading, writing = os.pipe()
        self.process = start("serve", writing, env=environment(WAREHOUSE_HOST="dwh"))
        os.close(writing)
        self._answers = os.fdopen(reading, "rb")
        self.hello = self.ask({"version": 1, "target": target, "location": "test"})

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.send_line(json.dumps(request).encode())

    def send_line(self, line: bytes) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        return json.loads(self._answers.readline())

    def end(self) -> int:
        _, stderr = self.process.communicate(timeout=DEADLINE_SECONDS)
        assert self._answers.read() == b""
        self._answers.close()
        assert "Traceback" not in stderr.decode()
        return self.process.returncode


def test_requests_are_answered_in_their_order_until_the_input_ends(tmp_path: Path) -> None:
    server = Server(file_target("shapes.py"))
    assert server.hello["kind"] == "definitions"
    good = {"ops": {"reads": {"config": {"table": "a"}}}}
    first = server.ask({"id": 7, "verb": "plan", "job": "configured", "run_config": good})
    assert (first["id"], first["kind"]) == (7, "plan")
    second = server.ask({"id": 8, "verb": "plan", "job": "configured", "run_config": {}})
    assert (second["id"], second["kind"]) == (8, "invalid")
    third = server.ask({"id": 9, "verb": "dance"})
    assert (third["id"], third["kind"]) == (9, "bad_request")
    fourth = server.ask({"id": 10, "verb": "plan"})
    assert (fourth["id"], fourth["kind"]) == (10, "error")
    assert server.ask({"id": 11, "verb": "describe"})["jobs"] == server.hello["jobs"]
    assert server.end() == 0


def test_schedules_are_evaluated_by_the_same_process(tmp_path: Path) -> None:
    server = Server(file_target("automation.py"))
    ticks = [{"of": "schedule", "name": "by_config", "at": 1767225600}]
    told = server.ask({"id": 1, "verb": "tick", "ticks": ticks, "storage": str(tmp_path)})
    assert (told["id"], told["state"]) == (1, "requested")
    assert server.end() == 0


def test_code_that_cannot_be_loaded_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('no')\n")
    server = Server(file_target("broken.py", tmp_path))
    assert (server.hello["kind"], server.hello["message"]) == ("load_error", "no")
    assert server.end() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_also_after_a_plan(number: signal.Signals) -> None:
    server = Server(file_target("shapes.py"))
    server.ask({"id": 1, "verb": "plan", "job": "nested"})
    server.process.send_signal(number)
    assert server.end() == -number


def test_a_line_that_is_no_request_ends_it(tmp_path: Path) -> None:
    server = Server(file_target("diamond.py"))
    assert server.send_line(b"{")["kind"] == "bad_request"
    assert server.end() == 4

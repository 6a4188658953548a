"""Stands in for the program: starts the shim as the program does, and walks through a plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFINITIONS = Path(__file__).parent / "definitions"
PACKAGE = Path(__file__).parent.parent / "src"

# Generous: the machine that runs the tests may be busy.
DEADLINE_SECONDS = 120

LAST = {"succeeded", "skipped", "up_for_retry", "failed"}


@dataclass
class Answer:
    """What a process of the shim left behind."""

    code: int
    lines: list[dict[str, Any]]
    stdout: str
    stderr: str

    @property
    def only(self) -> dict[str, Any]:
        assert len(self.lines) == 1, (self.lines, self.stderr)
        return self.lines[0]

    @property
    def last(self) -> dict[str, Any]:
        assert self.lines, self.stderr
        return self.lines[-1]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DAGSTER_")}
    return {**kept, "PYTHONPATH": str(PACKAGE), **more}


def file_target(name: str, folder: Path = DEFINITIONS) -> dict[str, Any]:
    path = str(folder / name)
    return {"kind": "file", "path": path, "attribute": None, "working_directory": str(folder)}


def start(verb: str, answer_fd: int, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pointsman.dagster", verb, "--answer-fd", str(answer_fd)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[answer_fd],
        env=more.pop("env", None) or environment(),
        **more,
    )


def call(verb: str, request: dict[str, Any], tmp_path: Path, **more: Any) -> Answer:
    """Runs one verb to its end. The answer goes to a file, so that nobody has to read meanwhile."""
    answer_path = tmp_path / f"answer-{uuid.uuid4()}"
    with open(answer_path, "wb") as answer_file:
        process = start(verb, answer_file.fileno(), **more)
        text = json.dumps({"version": 1, "location": "test", **request}).encode()
        stdout, stderr = process.communicate(text, timeout=DEADLINE_SECONDS)
    lines = [json.loads(line) for line in answer_path.read_bytes().splitlines()]
    assert all(line["version"] == 1 for line in lines)
    return Answer(process.returncode, lines, stdout.decode(), stderr.decode())


def describe(target: dict[str, Any], tmp_path: Path, **more: Any) -> dict[str, Any]:
    answer = call("describe", {"target": target}, tmp_path, **more)
    assert answer.code == 0, (answer.lines, answer.stderr)
    return answer.only


def job_named(definitions: dict[str, Any], name: str) -> dict[str, Any]:
    return next(job for job in definitions["jobs"] if job["name"] == name)


@dataclass
class Run:
    """One run of a job, its steps executed one after the other, each in a process of its own."""

    target: dict[str, Any]
    job: str
    tmp_path: Path
    run_config: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    asset_selection: list[str] | None = None
    op_selection: list[str] | None = None
    env: dict[str, str] | None = None
    instance: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        self.outputs: dict[str, dict[str, list[str] | None]] = {}
        self.retries: dict[str, int] = {}
        self.ended: dict[str, str] = {}
        self.answers: dict[str, list[Answer]] = {}

    def request(self) -> dict[str, Any]:
        said = {
            "id": self.id,
            "job": self.job,
            "tags": self.tags,
            "run_config": self.run_config,
            "asset_selection": self.asset_selection,
            "op_selection": self.op_selection,
        }
        storage = str(self.tmp_path / "storage")
        return {"target": self.target, "run": said, "storage": storage, "instance": self.instance}

    def step(self, key: str) -> Answer:
        """Executes one step, and takes down what it gave."""
        known = {"dynamic": self.dynamic(), "retries": self.retries, "outputs": self.outputs}
        request = {**self.request(), "step": key, "known": known}
        request["try"] = self.retries.get(key, 0) + 1
        answer = call("step", request, self.tmp_path, env=self.env)
        assert [line["kind"] in LAST for line in answer.lines[:-1]].count(True) == 0
        self.answers.setdefault(key, []).append(answer)
        self._take(key, answer)
        return answer

    def dynamic(self) -> dict[str, dict[str, list[str]]]:
        found: dict[str, dict[str, list[str]]] = {}
        for step, outputs in self.outputs.items():
            for name, keys in outputs.items():
                if keys is not None:
                    found.setdefault(step, {})[name] = keys
        return found

    def _take(self, key: str, answer: Answer) -> None:
        self.ended[key] = answer.last["kind"]
        if answer.last["kind"] == "up_for_retry":
            self.retries[key] = self.retries.get(key, 0) + 1
        if answer.last["kind"] != "succeeded":
            return
        given = self.outputs.setdefault(key, {})
        for line in answer.of_kind("output"):
            if line["mapping_key"] is None:
                given[line["name"]] = None
            else:
                keys = given.setdefault(line["name"], [])
                assert keys is not None
                keys.append(line["mapping_key"])

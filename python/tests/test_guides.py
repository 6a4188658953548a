"""Snippets of printed guides run unchanged, once the indentation is back that print has lost.

They are read from the folder `guides` beside the checkout or above it, where there is one.
"""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, run_told
from driver import call, describe, file_target, job_named

ABOVE = Path(__file__).resolve().parents
GUIDES = next(
    (folder for parent in ABOVE if (folder := parent / "shared" / "guides").is_dir()), None
)
needs_guides = pytest.mark.skipif(GUIDES is None, reason="there is no folder of guides here")

OPENS = re.compile(r"^(def |if |for |with |class ).*:$")


def snippet(name: str, first: str) -> str:
    """Returns the code of a guide that starts after the line `first`."""
    assert GUIDES is not None
    lines = (GUIDES / name).read_text().splitlines()
    rest = lines[lines.index(first) + 1 :]
    end = next(
        n for n, line in enumerate(rest) if line == ")" and rest[n + 1 : n + 2] in ([""], [])
    )
    return indented(rest[: end + 1])


def indented(lines: list[str]) -> str:
    """Puts back the indentation: two blank lines end a function, `return` ends an `if`."""
    out: list[str] = []
    depth = 0
    for number, line in enumerate(lines):
        if line == "" or line.startswith("@") or lines[max(0, number - 2) : number] == ["", ""]:
            depth = 0 if line else depth
        out.append("    " * depth + line if line else "")
        if OPENS.match(line):
            depth += 1
        elif (line.startswith("return") and depth > 1) or (line == ")" and depth > 1):
            depth -= 1
    text = "\n".join(out) + "\n"
    ast.parse(text)
    return text


@needs_guides
def test_the_pools_of_the_guide_are_on_their_steps(tmp_path: Path) -> None:
    text = snippet(
        "managing-concurrency-of-assets-jobs-instances.txt", "Specifying pools on assets and ops"
    )
    (tmp_path / "guide.py").write_text(text)
    told = describe(file_target("guide.py", tmp_path), tmp_path)
    steps = job_named(told, "__ASSET_JOB")["plan"]["steps"]
    assert {step["key"]: step["pool"] for step in steps} == {
        "my_asset": "foo",
        "my_graph_asset.my_op": "bar",
        "my_graph_asset.my_downstream_op": "barbar",
    }


@needs_guides
def test_the_schedule_of_the_guide_skips_while_its_job_runs(tmp_path: Path) -> None:
    text = snippet(
        "managing-concurrency-of-assets-jobs-instances.txt",
        "No more than 1 running job from a schedule",
    )
    (tmp_path / "guide.py").write_text(text)
    ticks = [{"of": "schedule", "name": "my_schedule", "at": 1767225600}]
    request = {"target": file_target("guide.py", tmp_path), "ticks": ticks}
    request["storage"] = str(tmp_path / "storage")
    states = []
    for runs in ([], [run_told(job="my_job", status="QUEUED")], [started_run()]):
        with Daemon(runs) as daemon:
            answer = call("tick", {**request, "instance": daemon.told(tmp_path)}, tmp_path)
        states.append((answer.only["state"], answer.only["skip_reason"]))
    reason = "Skipping this run because another run of the same job is already running"
    assert states == [("requested", None), ("requested", None), ("skipped", reason)]


def started_run() -> dict[str, Any]:
    return run_told(job="my_job", status="STARTED", started_at="2026-01-31T12:00:01.000000Z")


@needs_guides
def test_the_priorities_of_the_guide_are_those_of_its_job_and_its_schedule(tmp_path: Path) -> None:
    assert GUIDES is not None
    lines = (GUIDES / "customizing-run-queue-priority.txt").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("@job("))
    end = next(n for n, line in enumerate(lines) if line.startswith("def less_important"))
    printed = "\n".join(lines[start : end + 1])
    # The page leaves out the imports and where the definitions are put together.
    head = "from dagster import Definitions, job, schedule\n"
    tail = "\ndefs = Definitions(jobs=[important_job], schedules=[less_important_schedule])\n"
    (tmp_path / "guide.py").write_text(head + printed + tail)
    told = describe(file_target("guide.py", tmp_path), tmp_path)
    assert job_named(told, "important_job")["run_tags"] == {"dagster/priority": "3"}
    [less_important] = told["schedules"]
    assert less_important["tags"] == {"dagster/priority": "-1"}
    assert less_important["timezone"] == "US/Central"

"""User code keeps values where it wants, and starts other processes."""

from pathlib import Path

import pytest
from driver import Run, call, describe, environment, file_target, job_named

TARGET = file_target("outside.py")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    env = environment(JSON_FOLDER=str(tmp_path))
    return Run(TARGET, "__ASSET_JOB", tmp_path, env=env)


def logs(run: Run, step: str) -> list[str]:
    lines = run.answers[step][-1].of_kind("log")
    return [line["message"] for line in lines if line["level"] != "DEBUG"]


def test_values_pass_through_the_users_own_io_manager(run: Run) -> None:
    run.step("kept")
    assert (run.tmp_path / "kept").read_text() == '{"rows": 3}'
    run.step("read_again")
    assert logs(run, "read_again") == ["read {'rows': 3}"]


def test_data_versions_are_told_only_if_the_user_gave_them(run: Run) -> None:
    [kept] = run.step("kept").of_kind("materialization")
    assert not [key for key in kept["tags"] if "data_version" in key]
    [versioned] = run.step("versioned").of_kind("materialization")
    assert versioned["tags"]["dagster/data_version"] == "mine"
    assert versioned["tags"]["dagster/code_version"] == "2"
    assert not [key for key in versioned["tags"] if key.startswith("dagster/input_")]


def test_another_process_reports_through_pipes(run: Run) -> None:
    answer = run.step("by_another_process")
    assert answer.last["kind"] == "succeeded", answer.last
    [made] = answer.of_kind("materialization")
    assert made["metadata"][0] == {"label": "rows", "kind": "int", "value": 4}
    assert any("from the other process" in text for text in logs(run, "by_another_process"))


def test_an_io_manager_object_that_keeps_values_in_memory_is_found(tmp_path: Path) -> None:
    job = job_named(describe(TARGET, tmp_path), "in_memory_object")
    assert job["plan"]["whole"] == "the IO manager io_manager keeps values in memory"
    answer = call("run", Run(TARGET, "in_memory_object", tmp_path).request(), tmp_path)
    assert answer.last["kind"] == "run_succeeded"

"""User code's questions to the instance are answered by the daemon, or refused by name."""

from pathlib import Path

import pytest
from daemon import Daemon, run_told
from driver import Answer, Run, file_target


def ask(op: str, tmp_path: Path, daemon: Daemon | None = None) -> Answer:
    told = daemon.told(tmp_path) if daemon else None
    run = Run(file_target("automation.py"), "questions", tmp_path, instance=told)
    run.tags = {"team": "docs"}
    return run.step(op)


def logs(answer: Answer) -> list[str]:
    return [line["message"] for line in answer.of_kind("log") if line["level"] != "DEBUG"]


def refusal(answer: Answer) -> str:
    assert answer.last["kind"] == "failed"
    error = answer.last["error"]
    while error is not None and error["class"] != "NotAnswered":
        error = error["cause"]
    assert error is not None, answer.last
    return error["message"]


@pytest.mark.parametrize(
    ("op", "call"),
    [
        ("asks_for_the_latest", "get_latest_materialization_event"),
        ("asks_for_records", "get_asset_records"),
        ("asks_for_partitions", "get_dynamic_partitions"),
        ("launches", "submit_run"),
        ("counts", "get_run_records"),
    ],
)
def test_a_question_that_nobody_answers_is_refused_by_name(
    op: str, call: str, tmp_path: Path
) -> None:
    assert call in refusal(ask(op, tmp_path))


def test_runs_are_told_by_the_daemon(tmp_path: Path) -> None:
    runs = [run_told(status="STARTED"), run_told(status="STARTED", job="other")]
    with Daemon(runs) as daemon:
        answer = ask("counts", tmp_path, daemon)
    assert logs(answer) == ["1 running: ['5f1c8a52-8f0e-4b7e-9a37-0f6f9d1c2b3a']"]


def test_a_run_knows_itself_without_asking(tmp_path: Path) -> None:
    assert logs(ask("looks_at_itself", tmp_path)) == ["questions {'team': 'docs'}"]


def test_the_config_of_a_run_from_a_list_is_asked_for_when_it_is_read(tmp_path: Path) -> None:
    runs = [run_told(status="QUEUED", tags={"team": "docs"}), run_told(sequence=3, id="other")]
    with Daemon(runs) as daemon:
        answer = ask("reads_config_of_others", tmp_path, daemon)
    assert logs(answer) == ["QUEUED {'day': 1}", "count 2"]


def test_tags_are_given_to_a_run_through_the_daemon(tmp_path: Path) -> None:
    with Daemon([]) as daemon:
        answer = ask("tags_itself", tmp_path, daemon)
        [change] = daemon.changes
    assert change["change"] == {"set_tags": {"rows": "3"}, "remove_tags": []}
    assert logs(answer) == ["{'team': 'docs', 'rows': '3'}"]


def test_a_daemon_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    daemon = Daemon([])
    told = daemon.told(tmp_path)
    daemon._server.server_close()
    run = Run(file_target("automation.py"), "questions", tmp_path, instance=told)
    assert f"the daemon at {told['url']} does not answer" in refusal(run.step("counts"))


def test_the_instance_is_the_same_wherever_it_is_found(tmp_path: Path) -> None:
    assert logs(ask("finds_the_instance", tmp_path)) == ["the same: True"]

"""Schedules and sensors are evaluated, and what they ask for is told."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, run_told
from driver import Answer, call, describe, file_target

TARGET = file_target("automation.py")
AT = datetime.fromisoformat("2026-01-04T02:00:00+00:00").timestamp()


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return describe(TARGET, tmp_path_factory.mktemp("automation"))


def tick(ticks: list[dict[str, Any]], tmp_path: Path, **more: Any) -> Answer:
    request = {"target": TARGET, "storage": str(tmp_path / "storage"), "ticks": ticks, **more}
    return call("tick", request, tmp_path)


def schedule(name: str) -> dict[str, Any]:
    return {"of": "schedule", "name": name, "at": AT}


def test_schedules_are_described_with_their_times(described: dict[str, Any]) -> None:
    [told] = [each for each in described["schedules"] if each["name"] == "one_at_a_time"]
    assert told == {
        "name": "one_at_a_time",
        "job": "daily",
        "description": None,
        "cron": ["0 3 * * *", "0 15 * * *"],
        "timezone": "Europe/Berlin",
        "tags": {"dagster/priority": "-1", "by": "schedule"},
        "default_status": "STOPPED",
    }


def test_sensors_that_read_dagsters_storage_are_refused_with_the_reason(
    described: dict[str, Any],
) -> None:
    refused = {each["name"]: each["refused"] for each in described["sensors"]}
    assert refused["files"] is None
    assert "type ASSET" in refused["after_orders"]
    assert "type RUN_STATUS" in refused["after_failures"]
    [files] = [each for each in described["sensors"] if each["name"] == "files"]
    assert (files["jobs"], files["minimum_interval_seconds"]) == (["daily", "questions"], 45)


def test_a_schedule_asks_for_a_run_and_its_tags_reach_it_below_those_of_the_request(
    tmp_path: Path,
) -> None:
    with Daemon([]) as daemon:
        answer = tick([schedule("one_at_a_time")], tmp_path, instance=daemon.told(tmp_path))
    told = answer.only
    assert told["state"] == "requested", told
    [run] = told["runs"]
    assert run["job"] == "daily"
    assert run["run_config"] == {"ops": {"prints_day": {"config": {"day": "2026-01-03"}}}}
    assert run["tags"]["dagster/priority"] == "-1"
    assert run["tags"]["by"] == "request"
    assert run["tags"]["dagster/partition"] == "2026-01-03"
    assert run["tags"]["dagster/schedule_name"] == "one_at_a_time"
    assert told["logs"] == [{"level": "INFO", "message": "tick of 2026-01-04T03:00:00+01:00"}]


def test_a_schedule_sees_the_runs_of_the_daemon(tmp_path: Path) -> None:
    with Daemon([run_told(job="daily", status="STARTED")]) as daemon:
        answer = tick([schedule("one_at_a_time")], tmp_path, instance=daemon.told(tmp_path))
        assert daemon.asked == [("GET", "/api/v1/runs?job=daily&status=STARTED&limit=500")]
    assert answer.only["state"] == "skipped"
    assert answer.only["skip_reason"] == "1 is running"


def test_each_tick_of_a_batch_is_answered_by_itself(tmp_path: Path) -> None:
    names = ["broken", "by_config", "says_nothing", "gone"]
    answer = tick([schedule(name) for name in names], tmp_path)
    assert [line["name"] for line in answer.lines] == names
    broken, by_config, says_nothing, gone = answer.lines
    assert broken["state"] == "failed"
    assert "no such table" in str(broken["error"])
    assert by_config["runs"][0]["tags"]["dagster/priority"] == "7"
    assert says_nothing["skip_reason"] == "Schedule function returned an empty result"
    assert gone["error"]["message"] == "there is no schedule gone any more"


def test_code_that_ends_the_process_takes_no_earlier_answer_with_it(tmp_path: Path) -> None:
    answer = tick([schedule("by_config"), schedule("leaves"), schedule("broken")], tmp_path)
    assert [line["name"] for line in answer.lines] == ["by_config"]
    assert answer.code == 9


def test_a_sensor_goes_on_from_its_cursor(tmp_path: Path) -> None:
    told = tick([{"of": "sensor", "name": "files", "cursor": "4"}], tmp_path).only
    assert (told["state"], told["cursor"]) == ("requested", "6")
    first, second = told["runs"]
    assert (first["run_key"], first["job"]) == ("file-4", "questions")
    assert (second["run_key"], second["job"]) == ("file-5", "daily")
    assert second["tags"]["dagster/partition"] == "2026-01-05"
    assert second["tags"]["dagster/sensor_name"] == "files"


def test_what_a_sensor_asks_for_beside_runs_is_refused(tmp_path: Path) -> None:
    told = tick([{"of": "sensor", "name": "adds_partitions"}], tmp_path).only
    assert told["state"] == "failed"
    assert "dynamic_partitions_requests" in told["error"]["message"]

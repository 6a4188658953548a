"""User code's questions to the instance are answered by the daemon, or refused by name."""

import sys
from pathlib import Path

import pytest
from daemon import Daemon, event_told, run_told
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
        ("asks_for_everything", "get_asset_records"),
        ("asks_for_all_keys", "get_asset_keys"),
        ("asks_for_cursors", "get_cursor_values"),
        ("asks_for_ticks", "get_ticks"),
        ("asks_for_state_of_checks", "get_checkpointed_asset_check_state"),
        ("asks_for_prints", "get_log_data"),
        ("launches", "submit_run"),
        ("counts", "get_run_records"),
    ],
)
def test_a_question_that_nobody_answers_is_refused_by_name(
    op: str, call: str, tmp_path: Path
) -> None:
    assert call in refusal(ask(op, tmp_path))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code does not know its class there")
def test_a_call_is_named_as_user_code_writes_it(tmp_path: Path) -> None:
    said = refusal(ask("asks_for_all_keys", tmp_path))
    assert said.startswith("DagsterInstance.get_asset_keys is not answered")


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


def test_runs_are_filtered_as_dagster_does_it(tmp_path: Path) -> None:
    told = {"a": {"dagster/backfill": "b1"}, "b": {}, "c": {}}
    runs = [run_told(id=id, sequence=9 - n, tags=told[id]) for n, id in enumerate(told)]
    with Daemon(runs) as daemon:
        answer = ask("filters_runs", tmp_path, daemon)
    assert logs(answer) == ["['a', 'b', 'c'] ['b', 'c']", "['c']"]


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


EVENTS = [
    event_told(3, partition="one"),
    event_told(5, kind="OBSERVATION", metadata=[{"label": "rows", "kind": "int", "value": 8}]),
    event_told(6, asset="other"),
    event_told(7, partition="two"),
    event_told(
        9,
        run="other",
        partition="three",
        tags={"dagster/data_version": "v7"},
        metadata=[
            {"label": "rows", "kind": "int", "value": 7},
            {"label": "note", "kind": "markdown", "value": "*good*"},
            {"label": "gap", "kind": "float", "value": "nan"},
            {"label": "from", "kind": "asset", "value": "raw/orders"},
            {
                "label": "top",
                "kind": "table",
                "value": {"columns": ["a"], "rows": [{"a": 1}], "row_count": 1},
            },
        ],
    ),
]


def test_the_latest_materialization_is_told_with_its_metadata(tmp_path: Path) -> None:
    with Daemon([], EVENTS) as daemon:
        first, metadata, record, partitions = logs(ask("reads_assets", tmp_path, daemon))
    assert first == "other 1769860809.5 three {'dagster/data_version': 'v7'}"
    for part in (
        "'rows': ('IntMetadataValue', 7)",
        "'note': ('MarkdownMetadataValue', '*good*')",
        "'gap': ('FloatMetadataValue', nan)",
        "'from': ('DagsterAssetMetadataValue', AssetKey(['raw', 'orders']))",
        "TableRecord(data={'a': 1})",
    ):
        assert part in metadata, metadata
    assert record == "9 other"
    assert partitions == "['one', 'three', 'two']"


def test_events_of_an_asset_are_told_page_by_page_and_by_filter(tmp_path: Path) -> None:
    with Daemon([], EVENTS) as daemon:
        told = logs(ask("pages_events", tmp_path, daemon))
    assert told == [
        "[[9, 7], [3]] True False",
        "[3, 7, 9]",
        "[8]",
        "[('two', 7), ('one', 3)]",
        "[9, 7]",
    ]


def test_how_a_check_ended_is_told(tmp_path: Path) -> None:
    check = {"kind": "CHECK", "check": "has_rows", "severity": "WARN"}
    rows = [{"label": "rows", "kind": "int", "value": 0}]
    events = [
        event_told(4, **check, passed=True),
        event_told(8, **check, passed=False, metadata=rows),
    ]
    with Daemon([], events) as daemon:
        assert logs(ask("reads_checks", tmp_path, daemon)) == ["FAILED WARN 0", "[8, 4]"]


def test_dynamic_partitions_are_read_and_changed_through_the_daemon(tmp_path: Path) -> None:
    with Daemon([], partitions={"customers": ["z", "old one", "a"]}) as daemon:
        told = logs(ask("changes_partitions", tmp_path, daemon))
    assert told == ["['z', 'a', 'acme', 'initech'] [True, False] True"]


def test_a_filter_that_the_daemon_does_not_have_is_refused(tmp_path: Path) -> None:
    with Daemon([]) as daemon:
        assert "there is no list of all" in refusal(ask("asks_for_everything", tmp_path, daemon))
        assert "get_asset_keys" in refusal(ask("asks_for_all_keys", tmp_path, daemon))

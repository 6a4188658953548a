"""Steps are executed one by one, each in a process of its own."""

from pathlib import Path

import pytest
from driver import Answer, Run, call, environment, file_target


def of_shapes(job: str, tmp_path: Path) -> Run:
    return Run(file_target("shapes.py"), job, tmp_path)


def messages(answer: Answer) -> list[str]:
    return [line["message"] for line in answer.of_kind("log") if line["level"] != "DEBUG"]


def test_values_reach_the_steps_that_wait_for_them(tmp_path: Path) -> None:
    run = Run(file_target("diamond.py"), "diamond", tmp_path)
    for key in ("source", "doubled", "with_ten", "joined"):
        assert run.step(key).last["kind"] == "succeeded"
    [output] = run.answers["joined"][0].of_kind("output")
    assert output["metadata"] == [{"label": "joined", "kind": "text", "value": "2 and 11"}]


def test_a_step_tells_its_start_its_logs_and_its_outputs_in_order(tmp_path: Path) -> None:
    answer = Run(file_target("diamond.py"), "diamond", tmp_path).step("source")
    kinds = [line["kind"] for line in answer.lines if line.get("level") != "DEBUG"]
    assert kinds == ["loaded", "started", "log", "output", "succeeded"]
    assert messages(answer) == ["the source gives 1"]
    times = [line["at"] for line in answer.lines]
    assert times == sorted(times)


def test_what_user_code_prints_is_on_its_own_stdout_and_not_in_the_protocol(tmp_path: Path) -> None:
    answer = Run(file_target("diamond.py"), "diamond", tmp_path).step("source")
    assert answer.stdout == "printed on stdout\n"
    assert answer.stderr == ""


def test_a_failure_tells_its_chain_of_causes(tmp_path: Path) -> None:
    last = of_shapes("fails_with_causes", tmp_path).step("opens").last
    assert last["kind"] == "failed"
    chain = []
    error = last["error"]
    while error is not None:
        chain.append((error["class"], error["message"]))
        error = error["cause"]
    assert chain[1:] == [("ValueError", "the table is not there"), ("KeyError", "'customers'")]
    assert chain[0][0] == "DagsterExecutionStepExecutionError"
    assert "shapes.py" in last["error"]["cause"]["stack"]


def test_a_step_with_a_policy_is_up_for_retry_and_knows_how_often_it_was_tried(
    tmp_path: Path,
) -> None:
    run = of_shapes("retries", tmp_path)
    lasts = [run.step("third_time").last for _ in range(3)]
    assert [last["kind"] for last in lasts] == ["up_for_retry", "up_for_retry", "succeeded"]
    # 0.5 s, doubled each time, more or less by as much again.
    assert 0 <= lasts[0]["seconds_to_wait"] <= 1
    assert 0 <= lasts[1]["seconds_to_wait"] <= 2
    assert lasts[1]["error"]["cause"]["message"] == "not yet at 1"


def test_a_step_can_ask_for_a_retry(tmp_path: Path) -> None:
    run = of_shapes("retries", tmp_path)
    first = run.step("asks_again").last
    assert (first["kind"], first["seconds_to_wait"]) == ("up_for_retry", 7)
    assert run.step("asks_again").last["kind"] == "succeeded"


def test_a_failure_that_allows_no_retry_is_one(tmp_path: Path) -> None:
    last = of_shapes("retries", tmp_path).step("never_again").last
    assert (last["kind"], last["allow_retries"]) == ("failed", False)
    assert last["description"] == "no use"
    assert last["metadata"] == [{"label": "rows", "kind": "int", "value": 3}]


def test_an_executor_without_retries_has_none(tmp_path: Path) -> None:
    assert of_shapes("retries_off", tmp_path).step("third_time").last["kind"] == "failed"


def test_steps_over_a_dynamic_output_are_executed_one_by_one_and_collected(tmp_path: Path) -> None:
    run = of_shapes("dynamic", tmp_path)
    fan = run.step("fan")
    assert [line["mapping_key"] for line in fan.of_kind("output")] == ["k0", "k1", "k2"]
    for key in ("k0", "k1", "k2"):
        assert run.step(f"tripled[{key}]").last["kind"] == "succeeded"
    assert messages(run.step("total")) == ["total 9"]


def test_values_reach_the_ops_of_nested_graphs(tmp_path: Path) -> None:
    run = of_shapes("nested", tmp_path)
    for key in ("five", "outer.inner.tripled", "outer.inner.tripled_2"):
        assert run.step(key).last["kind"] == "succeeded"


def test_only_the_outputs_that_were_given_are_told_and_gathered(tmp_path: Path) -> None:
    run = of_shapes("choice", tmp_path)
    [output] = run.step("chooses").of_kind("output")
    assert output["name"] == "right"
    assert messages(run.step("gathers")) == ["gathered [1]"]


def test_resources_read_the_environment_and_ops_their_config(tmp_path: Path) -> None:
    run = of_shapes("configured", tmp_path)
    run.run_config = {"ops": {"reads": {"config": {"table": "customers"}}}}
    run.env = environment(WAREHOUSE_HOST="dwh.local")
    run.step("reads")
    assert messages(run.step("says")) == ["customers of dwh.local:5432, 10 rows"]


def test_a_resource_without_its_variable_fails_the_step_and_names_it(tmp_path: Path) -> None:
    run = of_shapes("configured", tmp_path)
    run.run_config = {"ops": {"reads": {"config": {"table": "customers"}}}}
    answer = run.step("reads")
    assert answer.last["kind"] == "failed"
    assert "WAREHOUSE_HOST" in str(answer.last["error"])


def test_a_step_with_a_pool_does_not_wait_in_its_process(tmp_path: Path) -> None:
    assert of_shapes("limited", tmp_path).step("first").last["kind"] == "succeeded"


def test_a_step_that_is_not_there_fails_and_is_named(tmp_path: Path) -> None:
    last = of_shapes("nested", tmp_path).step("nowhere").last
    assert last["kind"] == "failed"
    assert "nowhere" in last["error"]["message"]


@pytest.fixture
def daily(tmp_path: Path) -> Run:
    tags = {"dagster/partition": "2026-01-02"}
    return Run(file_target("assets.py"), "daily", tmp_path, tags=tags)


def test_a_partitioned_asset_reads_its_partition_of_another(daily: Run) -> None:
    [made] = daily.step("orders").of_kind("materialization")
    assert (made["asset_key"], made["partition"]) == ("orders", "2026-01-02")
    assert messages(daily.step("report")) == ["read: orders of 2026-01-02"]


def test_metadata_is_told_by_kind(daily: Run) -> None:
    daily.step("orders")
    [made] = daily.step("report").of_kind("materialization")
    told = {entry["label"]: (entry["kind"], entry["value"]) for entry in made["metadata"]}
    assert told == {
        "rows": ("int", 3),
        "share": ("float", 0.5),
        "broken": ("float", "nan"),
        "page": ("url", "http://localhost/report"),
        "notes": ("markdown", "**good**"),
        "raw": ("json", {"a": [1, None]}),
        "is_late": ("bool", False),
        "source": ("asset", "orders"),
    }


def of_assets(selection: list[str], tmp_path: Path, **tags: str) -> Run:
    run = Run(file_target("assets.py"), "__ASSET_JOB", tmp_path, asset_selection=selection)
    run.tags = tags
    return run


def test_one_op_makes_several_assets_and_a_check_looks_at_them(tmp_path: Path) -> None:
    run = of_assets(["left", "deep/right"], tmp_path)
    made = [line["asset_key"] for line in run.step("both").of_kind("materialization")]
    assert sorted(made) == ["deep/right", "left"]
    [check] = run.step("left_left_is_small").of_kind("check")
    assert (check["asset_key"], check["check"], check["passed"]) == ("left", "left_is_small", False)
    assert (check["severity"], check["metadata"][0]["value"]) == ("WARN", 12)


def test_a_selection_makes_only_its_part_of_an_op(tmp_path: Path) -> None:
    made = of_assets(["left"], tmp_path).step("both").of_kind("materialization")
    assert [line["asset_key"] for line in made] == ["left"]


def test_an_asset_reads_what_an_earlier_run_made(tmp_path: Path) -> None:
    of_assets(["one"], tmp_path).step("one")
    answer = of_assets(["two"], tmp_path).step("two")
    assert messages(answer) == ["one is 1"]


def test_a_graph_of_ops_makes_one_asset(tmp_path: Path) -> None:
    run = of_assets(["cleaned"], tmp_path)
    assert run.step("cleaned.fetch").of_kind("materialization") == []
    [made] = run.step("cleaned.clean").of_kind("materialization")
    assert made["asset_key"] == "cleaned"


def test_the_partition_of_a_run_can_be_a_dynamic_one(tmp_path: Path) -> None:
    run = of_assets(["invoices"], tmp_path, **{"dagster/partition": "acme"})
    [made] = run.step("invoices").of_kind("materialization")
    assert made["partition"] == "acme"


def test_a_partition_of_several_dimensions_is_known_by_each(tmp_path: Path) -> None:
    tags = {
        "dagster/partition": "2026-01-02|north",
        "dagster/partition/day": "2026-01-02",
        "dagster/partition/region": "north",
    }
    answer = of_assets(["by_region"], tmp_path, **tags).step("by_region")
    assert messages(answer) == ["{'day': '2026-01-02', 'region': 'north'}"]


def test_log_lines_and_errors_can_stand_on_standard_error_too(tmp_path: Path) -> None:
    run = of_shapes("fails_with_causes", tmp_path)
    request = {**run.request(), "step": "opens", "try": 1, "prints_events": True}
    answer = call("step", request, tmp_path)
    assert answer.last["kind"] == "failed"
    assert "ValueError: the table is not there" in answer.stderr
    for line in answer.of_kind("log"):
        assert line["message"] in answer.stderr


def test_how_a_check_ended_can_stand_on_standard_error(tmp_path: Path) -> None:
    run = of_assets(["left", "deep/right"], tmp_path)
    run.step("both")
    request = {**run.request(), "step": "left_left_is_small", "try": 1, "prints_events": True}
    answer = call("step", request, tmp_path)
    assert [line["check"] for line in answer.of_kind("check")] == ["left_is_small"]
    assert "WARN check left_is_small of left failed" in answer.stderr

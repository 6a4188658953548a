"""What a code location defines is told as it stands in the code."""

from pathlib import Path
from typing import Any

import pytest
from driver import describe, file_target, job_named


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return describe(file_target("shapes.py"), tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return describe(file_target("assets.py"), tmp_path_factory.mktemp("assets"))


def steps_of(definitions: dict[str, Any], job: str) -> dict[str, dict[str, Any]]:
    return {step["key"]: step for step in job_named(definitions, job)["plan"]["steps"]}


def asset_named(definitions: dict[str, Any], key: str) -> dict[str, Any]:
    return next(asset for asset in definitions["assets"] if asset["key"] == key)


def test_a_job_is_described_with_its_steps_and_what_they_wait_for(tmp_path: Path) -> None:
    definitions = describe(file_target("diamond.py"), tmp_path)
    after = {key: step["after"] for key, step in steps_of(definitions, "diamond").items()}
    assert after == {
        "source": [],
        "doubled": ["source"],
        "with_ten": ["source"],
        "joined": ["doubled", "with_ten"],
    }
    job = job_named(definitions, "diamond")
    assert job["run_tags"] == {"team": "docs"}
    assert job["plan"]["executor"]["kind"] == "multiprocess"
    assert job["plan"]["whole"] is None


def test_a_job_that_needs_run_config_has_no_plan_and_says_why(shapes: dict[str, Any]) -> None:
    job = job_named(shapes, "configured")
    assert job["plan"] is None
    assert 'Missing required config entry "ops"' in job["plan_error"]


def test_steps_over_a_dynamic_output_are_placeholders(shapes: dict[str, Any]) -> None:
    steps = steps_of(shapes, "dynamic")
    assert steps["fan"]["outputs"][0]["is_dynamic"]
    mapped = steps["tripled[?]"]
    assert mapped["kind"] == "mapped"
    assert (mapped["mapped_over"], mapped["mapped_output"]) == ("fan", "result")
    collect = steps["total"]
    assert (collect["kind"], collect["after"]) == ("collect", ["tripled[?]"])
    assert collect["inputs"][0]["is_fan_in"]


def test_ops_of_nested_graphs_have_their_whole_path_as_key(shapes: dict[str, Any]) -> None:
    steps = steps_of(shapes, "nested")
    assert list(steps) == ["five", "outer.inner.tripled", "outer.inner.tripled_2"]
    assert steps["outer.inner.tripled_2"]["after"] == ["outer.inner.tripled"]


def test_optional_outputs_and_lists_of_them_are_told(shapes: dict[str, Any]) -> None:
    steps = steps_of(shapes, "choice")
    assert [output["is_required"] for output in steps["chooses"]["outputs"]] == [False, False]
    [values] = steps["gathers"]["inputs"]
    assert values["is_fan_in"]
    assert values["sources"] == [
        {"step": "chooses", "output": "left"},
        {"step": "chooses", "output": "right"},
    ]


def test_pools_are_told_also_by_the_old_tag(shapes: dict[str, Any]) -> None:
    steps = steps_of(shapes, "limited")
    assert (steps["first"]["pool"], steps["second"]["pool"]) == ("database", "old/name")


def test_a_step_priority_that_is_no_number_counts_as_none(shapes: dict[str, Any]) -> None:
    steps = steps_of(shapes, "limited")
    assert (steps["first"]["priority"], steps["second"]["priority"]) == (7, 0)
    warnings = [text for text in shapes["warnings"] if "second" in text]
    assert warnings == [
        "job limited, step second: the priority 'soon' is no number and counts as 0"
    ]


def test_executor_config_is_told_resolved(shapes: dict[str, Any]) -> None:
    executor = job_named(shapes, "limited")["plan"]["executor"]
    assert executor["max_concurrent"] == 2
    assert executor["tag_concurrency_limits"] == [{"key": "kind", "value": "heavy", "limit": 1}]


def test_retry_policies_are_told_unless_the_executor_has_none(shapes: dict[str, Any]) -> None:
    assert steps_of(shapes, "retries")["third_time"]["retries"] == {
        "max_retries": 2,
        "delay_seconds": 0.5,
        "backoff": "exponential",
        "jitter": "plus_minus",
    }
    assert steps_of(shapes, "retries_off")["third_time"]["retries"] is None


def test_jobs_that_cannot_be_split_into_processes_say_why(shapes: dict[str, Any]) -> None:
    assert job_named(shapes, "in_one_process")["plan"]["whole"] == "its executor is in_process"
    in_memory = job_named(shapes, "in_memory")["plan"]["whole"]
    assert in_memory == "the IO manager io_manager keeps values in memory"


def test_the_job_of_all_assets_is_hidden_and_others_are_not(assets: dict[str, Any]) -> None:
    hidden = {job["name"]: job["is_hidden"] for job in assets["jobs"]}
    assert hidden == {"__ASSET_JOB": True, "daily": False, "daily_ops": False, "simple": False}


def test_an_asset_is_told_with_its_group_jobs_partitions_and_kinds(assets: dict[str, Any]) -> None:
    orders = asset_named(assets, "orders")
    assert orders["partitions"]["keys"] == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    assert orders["partitions"]["kind"] == "time_window"
    assert (orders["group"], orders["pools"]) == ("daily", ["warehouse"])
    assert orders["jobs"] == ["__ASSET_JOB", "daily"]
    assert orders["description"] == "Every order of a day."
    assert asset_named(assets, "report")["deps"] == ["orders"]


def test_keys_of_dynamic_partitions_are_not_told(assets: dict[str, Any]) -> None:
    told = asset_named(assets, "invoices")["partitions"]
    assert told == {"kind": "dynamic", "count": None, "keys": None}


def test_assets_of_others_cannot_be_executed(assets: dict[str, Any]) -> None:
    assert not asset_named(assets, "elsewhere")["is_executable"]
    assert asset_named(assets, "two")["deps"] == ["elsewhere", "one"]


def test_the_ops_of_a_graph_asset_have_their_own_pools(assets: dict[str, Any]) -> None:
    steps = steps_of(assets, "simple")
    assert steps["cleaned.fetch"]["pool"] == "bar"
    assert steps["cleaned.clean"]["pool"] == "barbar"
    assert asset_named(assets, "cleaned")["pools"] == ["bar", "barbar"]


def test_a_check_is_told_on_its_asset_and_its_step(assets: dict[str, Any]) -> None:
    assert asset_named(assets, "left")["checks"] == ["left_is_small"]
    step = steps_of(assets, "__ASSET_JOB")["left_left_is_small"]
    assert (step["check_names"], step["after"]) == (["left_is_small"], ["both"])


def test_several_assets_of_one_op_are_one_step(assets: dict[str, Any]) -> None:
    assert steps_of(assets, "__ASSET_JOB")["both"]["asset_keys"] == ["left", "deep/right"]


def test_a_pool_that_has_no_name_is_warned_of(tmp_path: Path) -> None:
    code = """
import dagster as dg

@dg.op(tags={"dagster/concurrency_key": "my db"})
def reads() -> None: ...

@dg.job
def spaced():
    reads()
"""
    (tmp_path / "spaced.py").write_text(code)
    [warning] = describe(file_target("spaced.py", tmp_path), tmp_path)["warnings"]
    assert warning.startswith("job spaced, step reads: the pool 'my db' has white space")


def test_an_executor_that_is_not_used_is_warned_of(tmp_path: Path) -> None:
    code = """
import dagster as dg

@dg.executor(name="elsewhere", requirements=dg.multiple_process_executor_requirements())
def elsewhere(_init): ...

@dg.job(executor_def=elsewhere)
def far(): ...

@dg.job
def near(): ...

defs = dg.Definitions(jobs=[far, near])
"""
    (tmp_path / "executors.py").write_text(code)
    told = describe(file_target("executors.py", tmp_path), tmp_path)
    assert [text for text in told["warnings"] if "executor" in text] == [
        "the executor elsewhere is not used, steps are processes of this machine: job far"
    ]

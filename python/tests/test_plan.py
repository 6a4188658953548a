"""A run's plan is made for its config and selection, and Dagster refuses what cannot be."""

from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon
from driver import call, environment, file_target

SHAPES = {"target": file_target("shapes.py")}
ASSETS = {"target": file_target("assets.py")}
ENV = environment(WAREHOUSE_HOST="dwh")


def plan(request: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    answer = call("plan", request, tmp_path, env=ENV)
    assert answer.code == 0, (answer.lines, answer.stderr)
    return answer.only


def steps_of(answer: dict[str, Any]) -> list[str]:
    return [step["key"] for step in answer["plan"]["steps"]]


def test_a_plan_that_needs_run_config_is_made_with_it(tmp_path: Path) -> None:
    run_config = {"ops": {"reads": {"config": {"table": "customers"}}}}
    answer = plan({**SHAPES, "job": "configured", "run_config": run_config}, tmp_path)
    assert answer["kind"] == "plan"
    assert steps_of(answer) == ["reads", "says"]
    assert answer["run_config"] == run_config


def test_run_config_that_is_wrong_is_refused_in_dagsters_words_with_its_place(
    tmp_path: Path,
) -> None:
    run_config = {"ops": {"reads": {"config": {"table": "customers", "limit": "many"}}}}
    answer = plan({**SHAPES, "job": "configured", "run_config": run_config}, tmp_path)
    assert answer["kind"] == "invalid"
    assert answer["message"].startswith("Error in config for job configured")
    [error] = answer["errors"]
    assert error["path"] == "ops.reads.config.limit"
    assert error["message"].startswith("Invalid scalar")


def test_a_variable_that_is_not_set_is_told_without_dagsters_own_frames(tmp_path: Path) -> None:
    code = """
import dagster as dg

class Warehouse(dg.ConfigurableResource):
    host: str
    user: str

@dg.op
def reads(warehouse: Warehouse) -> None: ...

warehouse = Warehouse(host=dg.EnvVar("NO_HOST"), user=dg.EnvVar("NO_USER"))

@dg.job(resource_defs={"warehouse": warehouse})
def uses_it():
    reads()
"""
    (tmp_path / "unset.py").write_text(code)
    answer = plan({"target": file_target("unset.py", tmp_path), "job": "uses_it"}, tmp_path)
    assert answer["kind"] == "invalid"
    assert [error["path"] for error in answer["errors"]] == [
        "resources.warehouse.config.host",
        "resources.warehouse.config.user",
    ]
    for variable in ("NO_HOST", "NO_USER"):
        assert f'"{variable}" which is not set' in answer["message"]
    assert "site-packages" not in str(answer)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({**SHAPES, "job": "no_such_job"}, "there is no job no_such_job"),
        ({**SHAPES, "job": "nested", "op_selection": ["no_such_op"]}, "no_such_op"),
        ({**ASSETS, "job": "simple", "asset_selection": ["nowhere"]}, "there is no asset nowhere"),
        (
            {**ASSETS, "job": "daily", "tags": {"dagster/partition": "1999-01-01"}},
            "there is no partition '1999-01-01' (tag dagster/partition): there are",
        ),
    ],
)
def test_what_is_not_there_is_refused(request_: dict[str, Any], said: str, tmp_path: Path) -> None:
    answer = plan(request_, tmp_path)
    assert answer["kind"] == "invalid"
    assert said in answer["message"]


def test_a_partition_that_is_misspelt_is_asked_for(tmp_path: Path) -> None:
    request = {**ASSETS, "job": "daily", "tags": {"dagster/partition": "2026-1-02"}}
    message = plan(request, tmp_path)["message"]
    assert "'2026-01-01' to" in message
    assert "did you mean '2026-01-02'?" in message
    other = {**ASSETS, "job": "daily", "tags": {"dagster/partition": "2026-12-02"}}
    assert "did you mean" not in plan(other, tmp_path)["message"]


def test_a_selection_of_ops_leaves_the_others_out(tmp_path: Path) -> None:
    request = {**SHAPES, "job": "dynamic", "op_selection": ["fan", "tripled"]}
    assert steps_of(plan(request, tmp_path)) == ["fan", "tripled[?]"]


def test_a_selection_of_assets_leaves_the_others_out_and_keeps_the_checks_of_its_own(
    tmp_path: Path,
) -> None:
    request = {**ASSETS, "job": "__ASSET_JOB", "asset_selection": ["left", "two"]}
    answer = plan(request, tmp_path)
    assert sorted(steps_of(answer)) == ["both", "left_left_is_small", "two"]
    assert answer["asset_keys"] == ["left", "two"]
    both = next(step for step in answer["plan"]["steps"] if step["key"] == "both")
    assert both["asset_keys"] == ["left"]


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        (["+two"], ["one", "two"]),
        (["key:left+"], ["deep/right", "left"]),
        (["left", "key:one or key:two"], ["left", "one", "two"]),
        (["* and key:one"], ["one"]),
    ],
)
def test_a_selection_of_assets_means_what_dagster_says(
    selection: list[str], keys: list[str], tmp_path: Path
) -> None:
    request = {**ASSETS, "job": "__ASSET_JOB", "asset_selection": selection}
    answer = plan(request, tmp_path)
    assert answer["kind"] == "plan", answer
    assert answer["asset_selection"] == answer["asset_keys"] == keys


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("one or", "the selection 'one or' cannot be read"),
        ("group:nobody", "the selection 'group:nobody'"),
        ("group:daily", "the asset orders has partitions, and none is named"),
    ],
)
def test_a_selection_of_assets_that_cannot_be_made_is_refused(
    selection: str, said: str, tmp_path: Path
) -> None:
    request = {**ASSETS, "job": "__ASSET_JOB", "asset_selection": [selection]}
    answer = plan(request, tmp_path)
    assert answer["kind"] == "invalid"
    assert said in answer["message"]


def test_a_partition_gives_its_config_and_tags_to_the_run(tmp_path: Path) -> None:
    request = {**ASSETS, "job": "daily_ops", "tags": {"dagster/partition": "2026-01-02"}}
    answer = plan(request, tmp_path)
    assert answer["run_config"] == {"ops": {"prints_day": {"config": {"text": "day 2026-01-02"}}}}
    assert answer["run_tags"]["dagster/partition"] == "2026-01-02"


def test_a_partition_of_several_dimensions_is_tagged_with_each(tmp_path: Path) -> None:
    request = {
        **ASSETS,
        "job": "__ASSET_JOB",
        "asset_selection": ["by_region"],
        "tags": {"dagster/partition": "2026-01-02|north"},
    }
    tags = plan(request, tmp_path)["run_tags"]
    assert tags["dagster/partition/day"] == "2026-01-02"
    assert tags["dagster/partition/region"] == "north"


def test_tags_of_the_request_win_over_those_of_the_job(tmp_path: Path) -> None:
    request = {**SHAPES, "job": "limited", "tags": {"dagster/priority": "9", "by": "hand"}}
    assert plan(request, tmp_path)["run_tags"] == {"dagster/priority": "9", "by": "hand"}


def test_a_job_with_values_in_memory_is_planned_in_one_process(tmp_path: Path) -> None:
    answer = plan({**SHAPES, "job": "in_memory"}, tmp_path)
    assert answer["plan"]["whole"] == "the IO manager io_manager keeps values in memory"
    assert answer["run_config"] == {"execution": {"config": {"in_process": {}}}}


def plan_for(
    job: str, partition: str, tmp_path: Path, keys: list[str], tags: dict[str, str] | None = None
) -> dict[str, Any]:
    with Daemon([], partitions={"customers": keys}) as daemon:
        request = {
            "target": file_target("automation.py"),
            "job": job,
            "tags": {"dagster/partition": partition, **(tags or {})},
            "storage": str(tmp_path / "storage"),
            "instance": daemon.told(tmp_path),
        }
        return plan(request, tmp_path)


@pytest.mark.parametrize(
    ("job", "partition"), [("invoicing", "of acme"), ("visiting", "of acme|2026-01-02")]
)
def test_a_dynamic_partition_that_is_there_can_be_made(
    job: str, partition: str, tmp_path: Path
) -> None:
    answer = plan_for(job, partition, tmp_path, ["a", "b", "of acme"])
    assert answer["kind"] == "plan", answer
    assert answer["run_tags"]["dagster/partition"] == partition


@pytest.mark.parametrize(
    ("job", "partition", "said"),
    [
        ("invoicing", "of acme", "`pointsman partition add customers 'of acme'` adds it"),
        ("visiting", "of acme|2026-01-02", "`pointsman partition list customers`"),
        ("visiting", "b|1999-01-02", "there is no partition 'b|1999-01-02'"),
    ],
)
def test_a_dynamic_partition_that_is_not_there_is_refused(
    job: str, partition: str, said: str, tmp_path: Path
) -> None:
    answer = plan_for(job, partition, tmp_path, ["a", "b"])
    assert answer["kind"] == "invalid", answer
    assert said in answer["message"]

"""A run whose values cannot leave their process is executed whole in one."""

from pathlib import Path

from driver import LAST, Run, call, file_target


def test_values_in_memory_reach_the_next_step(tmp_path: Path) -> None:
    run = Run(file_target("shapes.py"), "in_memory", tmp_path)
    answer = call("run", run.request(), tmp_path)
    assert answer.code == 0, answer.stderr
    assert answer.last["kind"] == "run_succeeded"
    ended = [(line["step"], line["kind"]) for line in answer.lines if line["kind"] in LAST]
    assert ended == [("five", "succeeded"), ("after_it", "succeeded")]
    assert not (tmp_path / "storage").exists()


def test_a_step_is_tried_again_in_the_same_process(tmp_path: Path) -> None:
    run = Run(file_target("shapes.py"), "retries", tmp_path, op_selection=["third_time"])
    answer = call("run", run.request(), tmp_path)
    assert answer.last["kind"] == "run_succeeded"
    kinds = [line["kind"] for line in answer.lines if line["kind"] in {"started", *LAST}]
    assert kinds == ["started", "up_for_retry", "started", "up_for_retry", "started", "succeeded"]


def test_a_run_fails_with_the_names_of_its_steps(tmp_path: Path) -> None:
    run = Run(file_target("shapes.py"), "fails_with_causes", tmp_path)
    answer = call("run", run.request(), tmp_path)
    assert answer.last["kind"] == "run_failed"
    assert answer.last["error"]["message"] == "steps failed: opens"
    assert [line["step"] for line in answer.of_kind("failed")] == ["opens"]


def test_a_branch_that_is_not_taken_is_skipped(tmp_path: Path) -> None:
    run = Run(file_target("shapes.py"), "choice", tmp_path)
    answer = call("run", run.request(), tmp_path)
    assert [line["step"] for line in answer.of_kind("skipped")] == ["on_the_left"]
    assert answer.last["kind"] == "run_succeeded"


def test_steps_over_a_dynamic_output_are_found_as_it_goes(tmp_path: Path) -> None:
    run = Run(file_target("shapes.py"), "dynamic", tmp_path)
    answer = call("run", run.request(), tmp_path)
    done = {line["step"] for line in answer.of_kind("succeeded")}
    assert done == {"fan", "tripled[k0]", "tripled[k1]", "tripled[k2]", "total"}


def test_a_job_without_ops_succeeds(tmp_path: Path) -> None:
    code = "import dagster as dg\n\n@dg.job\ndef nothing(): ...\n"
    (tmp_path / "nothing.py").write_text(code)
    run = Run(file_target("nothing.py", tmp_path), "nothing", tmp_path)
    answer = call("run", run.request(), tmp_path)
    assert [line["kind"] for line in answer.lines] == ["loaded", "run_succeeded"]

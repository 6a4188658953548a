"""Steps are executed one by one, each in a process of its own."""

from pathlib import Path

from driver import Run, file_target


def test_values_reach_the_steps_that_wait_for_them(tmp_path: Path) -> None:
    run = Run(file_target("diamond.py"), "diamond", tmp_path)
    for key in ("source", "doubled", "with_ten", "joined"):
        assert run.step(key).last["kind"] == "succeeded"
    [output] = run.answers["joined"][0].of_kind("output")
    assert output["metadata"] == [{"label": "joined", "kind": "text", "value": "2 and 11"}]


def test_a_step_tells_its_start_its_logs_and_its_outputs_in_order(tmp_path: Path) -> None:
    answer = Run(file_target("diamond.py"), "diamond", tmp_path).step("source")
    kinds = [line["kind"] for line in answer.lines if line.get("level") != "DEBUG"]
    assert kinds == ["started", "log", "output", "succeeded"]
    assert answer.of_kind("log")[0]["message"] == "the source gives 1"
    times = [line["at"] for line in answer.lines]
    assert times == sorted(times)


def test_what_user_code_prints_is_on_its_own_stdout_and_not_in_the_protocol(tmp_path: Path) -> None:
    answer = Run(file_target("diamond.py"), "diamond", tmp_path).step("source")
    assert answer.stdout == "printed on stdout\n"
    assert answer.stderr == ""

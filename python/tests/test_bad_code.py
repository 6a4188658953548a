"""User code that behaves badly has a clear end, and never tears the protocol."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from driver import DEADLINE_SECONDS, LAST, Answer, Run, call, file_target, start

CONFIGURED = ("waits", "ignores_sigterm", "leaves_a_thread")


def run_of(tmp_path: Path) -> Run:
    ops = {name: {"config": {"folder": str(tmp_path)}} for name in CONFIGURED}
    return Run(file_target("unruly.py"), "unruly", tmp_path, run_config={"ops": ops})


def step(key: str, tmp_path: Path) -> Answer:
    return run_of(tmp_path).step(key)


def logs(answer: Answer) -> list[str]:
    return [line["message"] for line in answer.of_kind("log") if line["level"] != "DEBUG"]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Started:
    """A step that runs until it is told otherwise."""

    def __init__(self, key: str, tmp_path: Path) -> None:
        self.answer_path = tmp_path / "answer"
        request = {"version": 1, **run_of(tmp_path).request(), "step": key, "try": 1}
        with open(self.answer_path, "wb") as answer_file:
            self.process = start("step", answer_file.fileno())
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode())
        self.process.stdin.close()
        self.process.stdin = None
        wait_until((tmp_path / "started").exists)

    def end(self) -> list[str]:
        self.process.communicate(timeout=DEADLINE_SECONDS)
        return [json.loads(line)["kind"] for line in self.answer_path.read_bytes().splitlines()]


def test_sys_exit_fails_the_step_and_a_broken_hook_is_told_before_the_end(tmp_path: Path) -> None:
    answer = step("exits", tmp_path)
    assert answer.last["kind"] == "failed"
    assert answer.last["error"]["class"] == "SystemExit"
    assert any("the hook is broken" in str(line) for line in answer.of_kind("engine"))


@pytest.mark.parametrize(("key", "code"), [("vanishes", 0), ("kills_itself", -signal.SIGKILL)])
def test_a_process_that_is_gone_leaves_no_last_line(key: str, code: int, tmp_path: Path) -> None:
    answer = step(key, tmp_path)
    assert answer.code == code
    assert [line["kind"] for line in answer.lines] == ["loaded", "started"]


def test_sigterm_runs_the_finally_blocks_and_fails_the_step(tmp_path: Path) -> None:
    started = Started("waits", tmp_path)
    started.process.terminate()
    assert started.end() == ["loaded", "started", "failed"]
    assert (tmp_path / "cleaned").exists()


def test_a_step_that_ignores_sigterm_ends_when_it_is_killed(tmp_path: Path) -> None:
    started = Started("ignores_sigterm", tmp_path)
    started.process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        started.process.wait(timeout=1)
    started.process.kill()
    assert started.end() == ["loaded", "started"]


def test_a_huge_line_is_cut_and_says_so(tmp_path: Path) -> None:
    answer = step("writes_a_huge_line", tmp_path)
    cut, after = logs(answer)
    assert len(cut) < 1024 * 1024
    assert cut.endswith("[cut: 49934464 more characters]")
    assert after == "after it"
    assert answer.last["kind"] == "succeeded"


def test_an_error_of_great_length_is_cut_and_says_so(tmp_path: Path) -> None:
    last = step("fails_at_length", tmp_path).last
    assert last["kind"] == "failed"
    assert len(json.dumps(last)) < 1024 * 1024
    message = last["error"]["cause"]["message"]
    # Later versions of Dagster cut it themselves.
    assert "TRUNCATED" in message or "[cut: " in message


def test_what_a_step_tells_at_length_does_not_make_its_answer_long(tmp_path: Path) -> None:
    request = {**run_of(tmp_path).request(), "step": "observes_much", "try": 1}
    told = call("step", {**request, "prints_events": True}, tmp_path)
    kinds = [line["kind"] for line in told.lines]
    assert [kind for kind in kinds if kind not in {"observation", "log"}] == [
        *("loaded", "started", "output"),
        *("left_out", "succeeded"),
    ]
    left_out = told.of_kind("left_out")[0]["events"]
    assert kinds.count("observation") > 0
    assert left_out > 0
    assert sum(len(json.dumps(line)) for line in told.lines) < 25 * 1024 * 1024


def test_what_is_printed_is_never_an_answer(tmp_path: Path) -> None:
    answer = step("prints_what_looks_like_an_answer", tmp_path)
    assert [line["kind"] for line in answer.lines if line["kind"] in LAST] == ["succeeded"]
    assert answer.stdout.splitlines() == [
        '{"version": 1, "kind": "failed"}',
        '{"version": 1, "kind": "skipped"}',
    ]


def test_a_fork_of_the_step_writes_no_lines(tmp_path: Path) -> None:
    answer = step("forks", tmp_path)
    assert answer.last["kind"] == "succeeded"
    assert logs(answer) == ["the child gave 499500"]


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    answer = step("logs_from_threads", tmp_path)
    said = [text.split(" z")[0] for text in logs(answer)]
    assert sorted(said) == sorted(f"thread-{n} {i}" for n in range(4) for i in range(50))


def test_threads_that_are_no_daemons_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    answer = step("leaves_a_thread", tmp_path)
    assert answer.code == 0
    assert (tmp_path / "thread-done").exists()


def test_sigterm_ends_a_process_that_waits_for_a_thread(tmp_path: Path) -> None:
    started = Started("leaves_a_thread", tmp_path)
    wait_until(lambda: b"succeeded" in started.answer_path.read_bytes())
    started.process.terminate()
    assert started.end()[-1] == "succeeded"
    assert not (tmp_path / "thread-done").exists()


@pytest.mark.parametrize("ending", ["defs = dg.Definitions(jobs=[quick])", "raise ValueError"])
def test_a_thread_that_a_module_starts_is_not_waited_for(ending: str, tmp_path: Path) -> None:
    (tmp_path / "polls.py").write_text(
        "import threading, time\n"
        "import dagster as dg\n"
        "def forever():\n"
        "    while True: time.sleep(1)\n"
        "threading.Thread(target=forever).start()\n"
        "@dg.op\n"
        "def nothing(): ...\n"
        "@dg.job\n"
        "def quick():\n"
        "    nothing()\n"
        f"{ending}\n"
    )
    target = file_target("polls.py", tmp_path)
    answer = call("describe", {"target": target}, tmp_path)
    if answer.only["kind"] == "load_error":
        assert answer.code == 3
    else:
        step_answer = Run(target, "quick", tmp_path).step("nothing")
        assert (step_answer.code, step_answer.last["kind"]) == (0, "succeeded")


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert logs(step("reads_stdin", tmp_path)) == ["read ''"]


def test_streams_that_user_code_has_closed_are_no_error(tmp_path: Path) -> None:
    answer = step("closes_everything", tmp_path)
    assert (answer.code, answer.last["kind"]) == (0, "succeeded")


def test_any_text_is_one_line(tmp_path: Path) -> None:
    answer = step("gives_halves", tmp_path)
    assert "half a pair: \ufffd, a line: \u2028, a zero: \x00" in logs(answer)
    assert answer.last["kind"] == "succeeded"


def test_hooks_are_told_before_the_last_line(tmp_path: Path) -> None:
    assert "from the hook" in logs(step("gives_halves", tmp_path))


def test_the_answers_descriptor_is_not_inherited(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(
        "import os, subprocess\n"
        "import dagster as dg\n"
        "@dg.op\n"
        "def lists(context):\n"
        "    said = subprocess.run(['ls', '-l', '/proc/self/fd'], capture_output=True, text=True,"
        " close_fds=False).stdout\n"
        "    context.log.info('leaked' if 'answer-' in said else 'not there')\n"
        "@dg.job\n"
        "def leaky():\n"
        "    lists()\n"
    )
    run = Run(file_target("leaky.py", tmp_path), "leaky", tmp_path)
    assert logs(run.step("lists")) == ["not there"]


def test_code_that_ends_the_process_while_it_is_loaded_leaves_no_answer(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("import os\nos._exit(7)\n")
    answer_path = tmp_path / "answer"
    with open(answer_path, "wb") as answer_file:
        process = start("describe", answer_file.fileno())
        request = {"version": 1, "location": "x", "target": file_target("leaves.py", tmp_path)}
        process.communicate(json.dumps(request).encode(), timeout=DEADLINE_SECONDS)
    assert process.returncode == 7
    assert os.path.getsize(answer_path) == 0

"""A server executes commands by forks of itself, as if each had been started cold."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driver import Answer, Run, call, file_target
from guard import Forked, Server, is_alive, wait_until

UNRULY = ("waits", "ignores_sigterm", "leaves_a_thread")


@pytest.fixture(scope="module")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(file_target("unruly.py"), tmp_path_factory.mktemp("unruly"))
    yield server
    server.end()


def request_of(server: Server, key: str, tmp_path: Path) -> dict[str, Any]:
    ops = {name: {"config": {"folder": str(tmp_path)}} for name in UNRULY}
    run = Run(server.request["target"], "unruly", tmp_path, run_config={"ops": ops})
    return {**run.request(), "step": key, "try": 1, "prints_events": True}


def begin(server: Server, key: str, tmp_path: Path) -> Forked:
    return server.ask("step", request_of(server, key, tmp_path), tmp_path).go()


def write(folder: Path, body: str, before: str = "") -> dict[str, Any]:
    """Writes a file of one op, `work`, and returns its target."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = (
        f"import os, sys\nimport dagster as dg\n{before}\n"
        f"@dg.op\ndef work(context):\n{lines}\n@dg.job\ndef only():\n    work()\n"
    )
    (folder / "written.py").write_text(text)
    return file_target("written.py", folder)


def work(server: Server, tmp_path: Path, **more: Any) -> Answer:
    run = Run(server.request["target"], "only", tmp_path)
    request = {**run.request(), "step": "work", "try": 1}
    return server.ask("step", request, tmp_path, **more).go().wait()


def logs(answer: Answer) -> list[str]:
    return [line["message"] for line in answer.of_kind("log") if line["level"] != "DEBUG"]


def test_the_first_answer_is_what_describe_answers(tmp_path: Path) -> None:
    server = Server(file_target("shapes.py"), tmp_path)
    described = call("describe", {"target": file_target("shapes.py")}, tmp_path, env=server.env)
    assert server.hello == described.only
    assert server.end() == -signal.SIGKILL


def test_plans_are_made_by_forks(tmp_path: Path) -> None:
    server = Server(file_target("shapes.py"), tmp_path)
    good = {"ops": {"reads": {"config": {"table": "a"}}}}
    for config, kind in ((good, "plan"), ({}, "invalid")):
        asked = {"job": "configured", "run_config": config, "tags": {}}
        assert server.ask("plan", asked, tmp_path).go().wait().only["kind"] == kind
    died = server.ask("plan", {}, tmp_path).go().wait()
    assert died.code == 1
    assert "Traceback" in died.stderr
    server.end()


@pytest.mark.parametrize(
    "key", ["exits", "vanishes", "kills_itself", "writes_a_huge_line", "reads_stdin", "forks"]
)
def test_a_fork_ends_and_answers_as_a_process_of_its_own_does(
    unruly: Server, key: str, tmp_path: Path
) -> None:
    request = request_of(unruly, key, tmp_path)
    cold = call("step", {**unruly.request, **request}, tmp_path, env=unruly.env)
    forked = unruly.ask("step", request, tmp_path).go().wait()
    assert forked.code == cold.code
    assert [line["kind"] for line in forked.lines] == [line["kind"] for line in cold.lines]
    assert forked.stdout == cold.stdout
    assert len(forked.stderr) == len(cold.stderr)


def test_sigterm_runs_the_finally_blocks(unruly: Server, tmp_path: Path) -> None:
    forked = begin(unruly, "waits", tmp_path)
    wait_until((tmp_path / "started").exists)
    forked.terminate()
    answer = forked.wait()
    assert answer.last["kind"] == "failed"
    assert (tmp_path / "cleaned").exists()


def test_a_command_that_ignores_sigterm_stays_until_it_is_killed(
    unruly: Server, tmp_path: Path
) -> None:
    forked = begin(unruly, "ignores_sigterm", tmp_path)
    wait_until((tmp_path / "started").exists)
    forked.terminate()
    time.sleep(0.5)
    assert not forked.is_told()
    os.kill(forked.command, signal.SIGKILL)
    assert forked.wait().code == -signal.SIGKILL


def test_what_a_command_leaves_behind_is_adopted_and_waited_for(tmp_path: Path) -> None:
    body = (
        "import subprocess\n"
        "left = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "open('left', 'w').write(str(left.pid) + '\\n')\n"
    )
    server = Server(write(tmp_path, body), tmp_path)
    run = Run(server.request["target"], "only", tmp_path)
    forked = server.ask("step", {**run.request(), "step": "work", "try": 1}, tmp_path).go()
    forked.said.append(forked.hear())
    assert forked.said[-1]["code"] == 0
    left = int((tmp_path / "left").read_text())
    parent = Path(f"/proc/{left}/stat").read_text().rsplit(")", 1)[1].split()[1]
    assert int(parent) == forked.keeper
    assert not forked.is_told()
    os.kill(left, signal.SIGKILL)
    forked.wait()
    server.end()


def test_a_guard_that_goes_away_takes_the_command_with_it(unruly: Server, tmp_path: Path) -> None:
    forked = begin(unruly, "ignores_sigterm", tmp_path)
    wait_until((tmp_path / "started").exists)
    forked.leave()
    wait_until(lambda: not is_alive(forked.command) and not is_alive(forked.keeper))


def test_nothing_is_executed_for_a_guard_that_has_not_said_so(
    unruly: Server, tmp_path: Path
) -> None:
    forked = unruly.ask("step", request_of(unruly, "waits", tmp_path), tmp_path)
    forked.leave()
    wait_until(lambda: not is_alive(forked.keeper))
    assert not (tmp_path / "started").exists()


def test_no_zombie_is_left_and_the_server_goes_on_after_guards_that_dawdle(
    unruly: Server, tmp_path: Path
) -> None:
    gone = [begin(unruly, "exits", tmp_path) for _ in range(3)]
    for forked in gone:
        forked.wait()
    wait_until(lambda: not any(Path(f"/proc/{forked.keeper}").exists() for forked in gone))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_commands_outlive_their_server(number: signal.Signals, tmp_path: Path) -> None:
    server = Server(file_target("unruly.py"), tmp_path)
    forked = begin(server, "waits", tmp_path)
    wait_until((tmp_path / "started").exists)
    server.process.send_signal(number)
    assert server.end() == -number
    assert is_alive(forked.command)
    forked.terminate()
    assert forked.wait().last["kind"] == "failed"


def test_commands_outlive_the_program_that_started_their_server(tmp_path: Path) -> None:
    server = Server(file_target("unruly.py"), tmp_path)
    forked = begin(server, "waits", tmp_path)
    wait_until((tmp_path / "started").exists)
    assert server.end() == -signal.SIGKILL
    forked.terminate()
    assert forked.wait().last["kind"] == "failed"


def test_code_that_hangs_while_it_is_loaded_ends_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(
        "import subprocess, threading\n"
        "slept = subprocess.Popen(['sleep', '1000'])\n"
        "open('pids', 'w').write(f'{slept.pid}\\n')\n"
        "threading.Lock().acquire() and slept.wait()\n"
    )
    target = file_target("hangs.py", tmp_path)
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [sys.executable, "-m", "pointsman.dagster", "serve", "--answer-fd", "1"],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "src")},
    )
    os.close(reading)
    request = {"version": 1, "target": target, "location": "x", "socket": str(tmp_path / "s")}
    os.write(writing, json.dumps(request).encode() + b"\n")
    pids = tmp_path / "pids"
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    os.close(writing)
    assert server.wait() == -signal.SIGKILL
    wait_until(lambda: not is_alive(int(pids.read_text())))


def test_code_that_cannot_be_loaded_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('no')\n")
    server = Server(file_target("broken.py", tmp_path), tmp_path)
    assert (server.hello["kind"], server.hello["message"]) == ("load_error", "no")
    assert server.end() == 3


def test_code_that_starts_a_thread_is_never_forked_and_says_so(tmp_path: Path) -> None:
    before = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    )
    server = Server(write(tmp_path, "pass", before), tmp_path)
    assert server.hello["kind"] == "definitions"
    assert any("2 threads" in warning for warning in server.hello["warnings"])
    assert server.end() == 0


def test_code_that_has_changed_is_not_executed_and_ends_the_server(tmp_path: Path) -> None:
    target = write(tmp_path, "pass", "import helper")
    helper = tmp_path / "helper.py"
    for change in (lambda: helper.write_text("a = 22"), helper.unlink):
        helper.write_text("a = 1")
        server = Server(target, tmp_path)
        assert work(server, tmp_path).last["kind"] == "succeeded"
        change()
        assert "helper.py has changed" in server.ask("step", {}, tmp_path).refusal
        assert server.end() == 5


def test_what_is_saved_while_code_is_loaded_counts_as_changed(tmp_path: Path) -> None:
    before = "os.utime(__file__)"
    server = Server(write(tmp_path, "pass", before), tmp_path)
    assert "written.py has changed" in server.ask("step", {}, tmp_path).refusal
    assert server.end() == 5


def test_variables_that_a_file_of_the_folder_sets_count_too(tmp_path: Path) -> None:
    target = write(tmp_path, "context.log.info(os.environ['FROM_FILE'])")
    (tmp_path / ".env").write_text("FROM_FILE=one\n")
    server = Server(target, tmp_path)
    assert logs(work(server, tmp_path)) == ["one"]
    (tmp_path / ".env").write_text("FROM_FILE=another\n")
    assert ".env has changed" in server.ask("step", {}, tmp_path).refusal
    assert server.end() == 5


def test_a_fork_has_the_variables_of_its_run_and_those_that_the_code_has_set(
    tmp_path: Path,
) -> None:
    body = (
        "context.log.info(os.environ['POINTSMAN_STEP'])\n"
        "context.log.info(os.environ['SET'])\n"
        "context.log.info(' '.join(sys.argv[1:-1]))\n"
        "context.log.info(os.getcwd())\n"
    )
    server = Server(write(tmp_path, body, "os.environ['SET'] = 'by the code'"), tmp_path)
    said = ["told", "by the code", "step --answer-fd", str(tmp_path)]
    assert logs(work(server, tmp_path)) == said
    server.end()


def test_a_command_with_another_folder_environment_or_verb_is_refused(
    unruly: Server, tmp_path: Path
) -> None:
    assert "folder" in unruly.ask("step", {}, tmp_path, folder="/").refusal
    assert "environment" in unruly.ask("step", {}, tmp_path, env={"DB": "x"}).refusal
    assert "describe" in unruly.ask("describe", {}, tmp_path).refusal


def test_forks_draw_other_random_numbers_than_each_other(tmp_path: Path) -> None:
    body = "context.log.info(str((random.random(), uuid.uuid4())))"
    server = Server(write(tmp_path, body, "import random, uuid\nrandom.seed(1)"), tmp_path)
    assert logs(work(server, tmp_path)) != logs(work(server, tmp_path))
    server.end()


def test_descriptors_of_the_code_are_a_forks_too_and_the_servers_are_not(tmp_path: Path) -> None:
    body = (
        "kept.write('from a fork')\n"
        "kept.flush()\n"
        "paths = [os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]\n"
        "for kind in ('socket:', 'pipe:'):\n"
        "    context.log.info(f'{kind} {sum(kind in path for path in paths)}')\n"
    )
    target = write(tmp_path, body, "kept = open('kept', 'w')")
    server = Server(target, tmp_path)
    run = Run(target, "only", tmp_path)
    cold = call("step", {**run.request(), "step": "work", "try": 1}, tmp_path, cwd=tmp_path)
    sockets, pipes = logs(work(server, tmp_path))
    # Standard output and error of the cold one are pipes, the guard's are files here.
    assert (sockets, pipes) == (logs(cold)[0], "pipe: 0")
    assert (tmp_path / "kept").read_text() == "from a fork"
    server.end()


def test_handlers_that_the_code_has_set_are_a_forks_too(tmp_path: Path) -> None:
    before = "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('handled'))"
    body = "os.kill(0, signal.SIGUSR1)\nprint(signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL)"
    server = Server(write(tmp_path, body, before), tmp_path)
    answer = work(server, tmp_path)
    assert (answer.code, answer.stdout) == (0, "handled\nTrue\n")
    server.end()

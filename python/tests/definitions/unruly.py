"""Ops that behave badly in ways that people meet."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg


@dg.op
def exits() -> None:
    sys.exit(5)


@dg.op
def vanishes() -> None:
    os._exit(0)


@dg.op
def kills_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dg.op(config_schema={"folder": str})
def waits(context: dg.OpExecutionContext) -> None:
    folder = Path(context.op_config["folder"])
    try:
        (folder / "started").touch()
        while True:
            time.sleep(0.05)
    finally:
        (folder / "cleaned").touch()


@dg.op(config_schema={"folder": str})
def ignores_sigterm(context: dg.OpExecutionContext) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (Path(context.op_config["folder"]) / "started").touch()
    while True:
        time.sleep(0.05)


@dg.op
def writes_a_huge_line(context: dg.OpExecutionContext) -> None:
    context.log.info("x" * 50_000_000)
    context.log.info("after it")


@dg.op
def fails_at_length() -> None:
    raise ValueError("y" * 5_000_000)


@dg.op
def prints_what_looks_like_an_answer() -> None:
    print('{"version": 1, "kind": "failed"}')
    sys.stderr.write('{"version": 1, "kind": "succeeded"}\n')
    subprocess.run(["echo", '{"version": 1, "kind": "skipped"}'], check=True)


def _says_much(numbers: "multiprocessing.SimpleQueue") -> None:
    numbers.put(sum(range(1000)))


@dg.op
def forks(context: dg.OpExecutionContext) -> None:
    context_of_forks = multiprocessing.get_context("fork")
    numbers = context_of_forks.SimpleQueue()

    def child() -> None:
        context.log.info("from the child")
        _says_much(numbers)

    process = context_of_forks.Process(target=child)
    process.start()
    total = numbers.get()
    process.join()
    context.log.info(f"the child gave {total}")


@dg.op
def logs_from_threads(context: dg.OpExecutionContext) -> None:
    def say(name: str) -> None:
        for number in range(50):
            context.log.info(f"{name} {number} " + "z" * 5000)

    threads = [threading.Thread(target=say, args=(f"thread-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dg.op(config_schema={"folder": str})
def leaves_a_thread(context: dg.OpExecutionContext) -> None:
    folder = Path(context.op_config["folder"])

    def late() -> None:
        while not (folder / "go").exists():
            time.sleep(0.05)
        (folder / "thread-done").touch()

    (folder / "started").touch()
    threading.Thread(target=late).start()


@dg.op
def reads_stdin(context: dg.OpExecutionContext) -> None:
    context.log.info(f"read {sys.stdin.read()!r}")


@dg.op
def closes_everything(context: dg.OpExecutionContext) -> None:
    sys.stdout.close()
    sys.stderr.close()


@dg.op
def gives_halves(context: dg.OpExecutionContext) -> None:
    context.log.info("half a pair: \ud800, a line: \u2028, a zero: \x00")


@dg.op
def observes_much(context: dg.OpExecutionContext) -> dg.Output:
    for _ in range(40):
        context.log_event(dg.AssetObservation("seen", metadata={"text": "x" * 700_000}))
    return dg.Output(1, metadata={"text": "x" * 700_000})


@dg.success_hook
def slow_hook(context: dg.HookContext) -> None:
    context.log.info("from the hook")


@dg.failure_hook
def broken_hook(_context: dg.HookContext) -> None:
    raise RuntimeError("the hook is broken")


@dg.job
def unruly():
    exits.with_hooks({broken_hook})()
    vanishes()
    kills_itself()
    waits()
    ignores_sigterm()
    writes_a_huge_line()
    fails_at_length()
    prints_what_looks_like_an_answer()
    forks()
    logs_from_threads()
    leaves_a_thread()
    reads_stdin()
    closes_everything()
    gives_halves.with_hooks({slow_hook})()
    observes_much()


defs = dg.Definitions(jobs=[unruly])

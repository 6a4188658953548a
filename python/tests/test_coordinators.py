import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from daemon import Daemon, run_told
from driver import DEADLINE_SECONDS, environment
from test_guides import GUIDES, needs_guides

RUN = "5f1c8a52-8f0e-4b7e-9a37-0f6f9d1c2b3a"
PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
EXAMPLES = PROJECT / "examples" / "coordinators"


def ask(folder: Path, opening: dict[str, Any], *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Starts the class as the program does, asks about runs and returns what it answers."""
    said = {"version": 1, "storage": str(folder), "search": [], "instance": None, **opening}
    lines = [json.dumps(each) for each in (said, *questions)]
    command = [sys.executable, "-m", "pointsman.dagster", "coordinator", "--answer-fd", "1"]
    ended = subprocess.run(
        command,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    (folder / "stderr").write_text(ended.stderr)
    assert ended.returncode == (0 if answers[0]["kind"] == "coordinator" else 3), ended.stderr
    return answers


def question(number: int = 1, **known: Any) -> dict[str, Any]:
    told = {
        "version": 1,
        "id": number,
        "run": RUN,
        "job": "nightly",
        "location": "etl",
        "user": None,
        "tags": {"dagster/code_location": "etl"},
        "headers": {},
        "config": {"day": 1},
    }
    return {**told, **known}


def write(folder: Path, name: str, code: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code))


def submit(folder: Path, body: str, config: Optional[dict[str, Any]] = None, **known: Any) -> Any:
    """Asks a coordinator whose `submit_run` has this body about one run."""
    head = """\
        import os, sys
        import dagster as dg
        from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

        class Mine(dg.QueuedRunCoordinator):
            def submit_run(self, context):
                run = context.dagster_run
        """
    code = textwrap.dedent(head) + textwrap.indent(textwrap.dedent(body), " " * 8)
    write(folder, "mine.py", code)
    instance = known.pop("instance", None)
    opening = {"module": "mine", "class": "Mine", "config": config or {}, "instance": instance}
    loaded, answer = ask(folder, opening, question(**known))
    assert loaded["base"] == "queued"
    return answer


HAND_ON = "return super().submit_run(context)"


def test_a_header_becomes_a_tag_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    body = f"""
    print("printed by the class")
    team = context.get_request_header("X-Team")
    nobody = context.get_request_header("X-Nobody")
    self._instance.add_run_tags(run.run_id, {{"team": team, "nobody": str(nobody)}})
    {HAND_ON}
    """
    answer = submit(tmp_path, body, headers={"x-team": "docs"})
    assert answer == {"id": 1, "tags": {"team": "docs", "nobody": "None"}}
    assert "printed by the class" in (tmp_path / "stderr").read_text()


def test_a_class_sees_all_about_the_run(tmp_path: Path) -> None:
    body = f"""
    origin = run.remote_job_origin.repository_origin.code_location_origin
    stored = self._instance.get_run_by_id(run.run_id)
    assert stored.run_id == run.run_id and DagsterInstance.get() is self._instance
    assert run.status == DagsterRunStatus.NOT_STARTED
    told = [run.job_name, origin.location_name, str(run.run_config["day"]), stored.tags["a"]]
    self._instance.add_run_tags(run.run_id, {{"told": " ".join(told)}})
    assert "told" in self._instance.get_run_by_id(run.run_id).tags
    {HAND_ON}
    """
    answer = submit(tmp_path, body, tags={"a": "b"})
    assert answer["tags"] == {"told": "nightly etl 1 b"}


def test_raising_refuses_the_run_and_the_next_is_judged_by_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mine.py",
        """
        import sys
        from dagster import QueuedRunCoordinator

        class Mine(QueuedRunCoordinator):
            def submit_run(self, context):
                self._instance.add_run_tags(context.dagster_run.run_id, {"seen": "yes"})
                if context.dagster_run.tags.get("how") == "raise":
                    raise ValueError("not on Fridays")
                if context.dagster_run.tags.get("how") == "exit":
                    sys.exit("gone")
                return super().submit_run(context)
        """,
    )
    opening = {"module": "mine", "class": "Mine", "config": {}}
    asked = [question(1, tags={"how": "raise"}), question(2, tags={"how": "exit"}), question(3)]
    _, *answers = ask(tmp_path, opening, *asked)
    assert answers == [
        {"id": 1, "reject": "ValueError: not on Fridays"},
        {"id": 2, "reject": "SystemExit: gone"},
        {"id": 3, "tags": {"seen": "yes"}},
    ]
    told = (tmp_path / "stderr").read_text()
    assert "mine.py" in told
    assert "site-packages" not in told


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ("return run", "Mine has neither raised nor handed the run on"),
        ("self._instance.launch_run(run.run_id, None)", "NotAnswered: launch_run"),
        ("context.workspace.get_code_location('etl')", "context.workspace.get_code_location is"),
        ("self._instance.all_asset_keys()", "all_asset_keys is not answered"),
        ("self._instance.get_runs()", "get_runs is not answered"),
        ("self._instance.report_run_canceled(run, 'closed today')", "closed today"),
    ],
)
def test_what_cannot_be_done_refuses_the_run_and_says_what_it_was(
    tmp_path: Path, body: str, refusal: str
) -> None:
    assert refusal in submit(tmp_path, body)["reject"]


def test_tags_on_objects_are_lost_as_in_dagster_and_that_is_told(tmp_path: Path) -> None:
    body = """
    run.tags["first"] = "1"
    other = context._replace(dagster_run=run.with_tags({**run.tags, "second": "2"}))
    super().submit_run(other)
    return self._instance.get_run_by_id(run.run_id).with_tags({"third": "3"})
    """
    assert submit(tmp_path, body)["tags"] == {}
    assert "the tags first, third are lost" in (tmp_path / "stderr").read_text()


def test_other_runs_are_asked_of_the_daemon(tmp_path: Path) -> None:
    body = f"""
    filters = RunsFilter(job_name="nightly", statuses=[DagsterRunStatus.QUEUED])
    count = self._instance.get_runs_count(filters)
    self._instance.add_run_tags(run.run_id, {{"before": str(count)}})
    {HAND_ON}
    """
    with Daemon([run_told(job="nightly"), run_told(job="other")]) as daemon:
        answer = submit(tmp_path, body, instance=daemon.told(tmp_path))
    assert answer["tags"] == {"before": "1"}
    assert daemon.changes == []


@pytest.mark.parametrize(
    ("code", "config", "said"),
    [
        ("import no_such_module", {}, "No module named 'no_such_module'"),
        ("x = 1", {}, "module bad has no class Bad"),
        ("class Bad: pass", {}, "bad.Bad is no subclass of Dagster's RunCoordinator"),
        ("class Bad(B): pass", {}, "abstract"),
        ("class Bad(Q): pass", {"color": "blue"}, 'unexpected config entry "color"'),
        ("class Bad(Q): pass", {"max_concurrent_runs": "x"}, "max_concurrent_runs"),
        ("import sys; sys.exit(3)", {}, "the code ended the process with sys.exit(3)"),
        (
            "class Bad(Q):\n def __init__(self, **more): super().__init__(max_concurrent_runs=3)",
            {},
            "the class sets max_concurrent_runs to 3 in its code",
        ),
    ],
)
def test_a_class_that_cannot_be_used_is_explained(
    tmp_path: Path, code: str, config: dict[str, Any], said: str
) -> None:
    head = "from dagster import QueuedRunCoordinator as Q\n"
    head += "from dagster._core.run_coordinator import RunCoordinator as B\n"
    (tmp_path / "bad.py").write_text(head + code)
    [answer] = ask(tmp_path, {"module": "bad", "class": "Bad", "config": config})
    assert answer["kind"] == "load_error"
    assert said in answer["message"]
    assert "site-packages" not in answer["traceback"]


def test_a_class_whose_module_is_not_there_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    [answer] = ask(tmp_path, {"module": "coordz.mine", "class": "Mine", "config": {}})
    said = f"No module named 'coordz'; searched: {tmp_path} (the folder of the configuration)"
    assert said in answer["message"]


def test_one_that_launches_at_once_and_one_of_its_own_kind_are_told_apart(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mine.py",
        """
        from dagster import QueuedRunCoordinator
        from dagster._core.run_coordinator import DefaultRunCoordinator, RunCoordinator

        class AtOnce(DefaultRunCoordinator):
            def submit_run(self, context):
                self._instance.add_run_tags(context.dagster_run.run_id, {"how": "at once"})
                return super().submit_run(context)

        class Wrapping(RunCoordinator):
            def __init__(self, inst_data=None):
                super().__init__()
                self._inner = QueuedRunCoordinator()
                self.inst_data = inst_data

            @classmethod
            def config_type(cls):
                return {}

            @classmethod
            def from_config_value(cls, inst_data, config_value):
                return cls(inst_data)

            def register_instance(self, instance):
                super().register_instance(instance)
                self._inner.register_instance(instance)

            def submit_run(self, context):
                return self._inner.submit_run(context)

            def cancel_run(self, run_id):
                return self._inner.cancel_run(run_id)
        """,
    )
    at_once = ask(tmp_path, {"module": "mine", "class": "AtOnce", "config": {}}, question())
    assert (at_once[0]["base"], at_once[1]["tags"]) == ("immediate", {"how": "at once"})
    other = ask(tmp_path, {"module": "mine", "class": "Wrapping", "config": {}}, question())
    assert (other[0]["base"], other[1]) == ("other", {"id": 1, "tags": {}})


def test_the_example_reads_the_token_of_a_proxy(tmp_path: Path) -> None:
    opening: dict[str, Any] = {"module": "attribution", "class": "Attribution"}
    config = yaml.safe_load((EXAMPLES / "attribution.yaml").read_text())["run_coordinator"]
    token = "e30.eyJlbWFpbCI6ICJhbm5AYWNtZS5jb20ifQ.signature"
    asked = [question(1, headers={"x-id-token": token}), question(2)]
    opening.update(config=config["config"], search=[str(EXAMPLES)])
    _, *answers = ask(tmp_path, opening, *asked)
    assert answers[0]["tags"] == {"submitted_by": "ann@acme.com"}
    assert answers[1]["reject"] == "PermissionError: sign in first: the request has no X-Id-Token"


def test_the_class_in_the_docs_works_with_the_config_in_the_docs(tmp_path: Path) -> None:
    blocks = (DOCS / "coordinators.md").read_text().split("```")
    code = next(block for block in blocks if block.startswith("python\nfrom dagster"))
    text = next(block for block in blocks if block.startswith("yaml\nrun_coordinator"))
    named = yaml.safe_load(text.removeprefix("yaml"))["run_coordinator"]
    (tmp_path / f"{named['module']}.py").write_text(code.removeprefix("python"))
    asked = [question(1, headers={"x-team": "docs"}), question(2)]
    _, *answers = ask(tmp_path, named, *asked)
    assert answers[0]["tags"] == {"team": "docs"}
    assert answers[1]["reject"].startswith("PermissionError: whose run is it?")


# What the guide describes; its own code is not printed there.
TAGGING = """
from dagster import DagsterInstance, QueuedRunCoordinator

class CLTQueuedRunCoordinator(QueuedRunCoordinator):
    def submit_run(self, context):
        run = context.dagster_run
        origin = run.remote_job_origin.repository_origin.code_location_origin
        if run.tags.get("code_location") != origin.location_name:
            tags = {"code_location": origin.location_name}
            DagsterInstance.get().add_run_tags(run.run_id, tags)
        return super().submit_run(context)
"""


@needs_guides
def test_the_coordinator_of_the_guide_takes_the_config_of_the_guide(tmp_path: Path) -> None:
    assert GUIDES is not None
    text = (GUIDES / "clt-queued-run-coordinator.txt").read_text()
    daemon = next(part for part in text.split("```yaml") if "customRunCoordinator" in part)
    helm = yaml.safe_load(daemon.split("```")[0])["dagsterDaemon"]
    named = helm["runCoordinator"]["config"]["customRunCoordinator"]
    write(tmp_path, named["module"].replace(".", "/") + ".py", TAGGING)
    loaded, first, again = ask(
        tmp_path, named, question(1), question(2, tags={"code_location": "etl"})
    )
    assert loaded["base"] == "queued"
    assert first["tags"] == {"code_location": "etl"}
    assert again["tags"] == {}

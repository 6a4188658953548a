"""Code that cannot be loaded says where and why, with the user's frames alone."""

from pathlib import Path
from textwrap import dedent

import dagster
import pytest
from driver import PACKAGE, Answer, call, describe, environment, file_target


def load(code: str, tmp_path: Path) -> Answer:
    (tmp_path / "broken.py").write_text(dedent(code))
    return call("describe", {"target": file_target("broken.py", tmp_path)}, tmp_path)


def test_an_import_that_fails_shows_the_users_frames_alone(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text("def look():\n    raise KeyError('no such table')\n")
    answer = load("import inner\n\ninner.look()\n", tmp_path)
    assert answer.code == 3
    told = answer.only
    assert told["kind"] == "load_error"
    assert told["class"] == "KeyError"
    assert told["file"].endswith("inner.py")
    assert told["line"] == 2
    frames = [line for line in told["traceback"].splitlines() if line.startswith("  File")]
    assert len(frames) == 2
    assert "broken.py" in frames[0]
    assert "inner.py" in frames[1]


@pytest.mark.parametrize(
    ("code", "class_name", "said"),
    [
        ("import no_such_module_here", "ModuleNotFoundError", "no_such_module_here"),
        ("x = (1,\n", "SyntaxError", "never closed"),
        ("x = 1", "DagsterInvariantViolationError", "No Definitions"),
        ("import sys\nsys.exit(9)", "SystemExit", "sys.exit(9)"),
        (
            """
            import dagster as dg

            @dg.asset(name="has space")
            def spaced(): ...
            """,
            "DagsterInvalidDefinitionError",
            "has space",
        ),
        (
            """
            import dagster as dg

            @dg.repository
            def sales(): return []

            @dg.repository
            def stock(): return []
            """,
            "DagsterInvariantViolationError",
            "broken has several repositories (sales, stock)",
        ),
    ],
)
def test_code_that_cannot_be_loaded_is_a_load_error(
    code: str, class_name: str, said: str, tmp_path: Path
) -> None:
    answer = load(code, tmp_path)
    assert (answer.code, answer.only["kind"]) == (3, "load_error")
    assert answer.only["class"] == class_name
    assert said in answer.only["message"]


def test_a_file_that_is_not_there_is_a_load_error_with_its_name(tmp_path: Path) -> None:
    answer = call("describe", {"target": file_target("absent.py", tmp_path)}, tmp_path)
    assert (answer.code, answer.only["class"]) == (3, "FileNotFoundError")
    assert answer.only["file"].endswith("absent.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ImportError('No module named dagster')", "pip install 'pointsman[dagster]'"),
        ("__version__ = '0.3.1'", "Dagster 0.3.1 of"),
    ],
)
def test_a_python_without_a_dagster_that_fits_says_so(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "__init__.py").write_text(f"{text}\n")
    env = environment(PYTHONPATH=f"{tmp_path}:{PACKAGE}")
    answer = call("describe", {"target": file_target("diamond.py")}, tmp_path, env=env)
    assert answer.code == 3
    assert said in answer.only["message"]


def test_a_request_that_makes_no_sense_ends_with_code_4(tmp_path: Path) -> None:
    answer = call("describe", {"target": {"kind": "folder"}}, tmp_path)
    assert (answer.code, answer.only["kind"]) == (4, "bad_request")
    assert "folder" in answer.only["message"]


def test_loaded_code_cannot_ask_for_an_instance(tmp_path: Path) -> None:
    answer = load("import dagster as dg\ndg.DagsterInstance.get()\n", tmp_path)
    assert answer.only["class"] == "NotAnswered"
    assert "DagsterInstance.get" in answer.only["message"]


def test_an_env_file_of_the_project_is_read_before_its_code(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("JOB_NAME=from_the_file\n")
    (tmp_path / "named.py").write_text(
        dedent(
            """
            import os

            import dagster as dg

            @dg.job(name=os.environ["JOB_NAME"])
            def job_of_the_file(): ...
            """
        )
    )
    told = describe(file_target("named.py", tmp_path), tmp_path)
    assert [job["name"] for job in told["jobs"]] == ["from_the_file"]


@pytest.mark.parametrize("kind", ["module", "package"])
def test_a_module_or_a_package_is_loaded_from_its_folder(kind: str, tmp_path: Path) -> None:
    package = tmp_path / "warehouse"
    package.mkdir()
    (package / "__init__.py").write_text("from warehouse.inner import defs\n")
    (package / "inner.py").write_text(
        "import dagster as dg\n"
        "@dg.asset\n"
        "def orders(): ...\n"
        "defs = dg.Definitions(assets=[orders])\n"
        "def others(): return dg.Definitions(assets=[dg.AssetSpec('other')])\n"
    )
    target = {"kind": kind, kind: "warehouse", "working_directory": str(tmp_path)}
    told = describe(target, tmp_path)
    assert [asset["key"] for asset in told["assets"]] == ["orders"]
    named = {**target, kind: "warehouse.inner", "attribute": "others"}
    told = describe(named, tmp_path)
    assert [asset["key"] for asset in told["assets"]] == ["other"]
    missing = call("describe", {"target": {**target, "attribute": "nothing"}}, tmp_path)
    assert missing.only["message"] == "warehouse has no nothing"


def test_frames_of_dagster_are_left_out_also_where_it_is_found_through_a_link(
    tmp_path: Path,
) -> None:
    libraries = tmp_path / "libraries"
    libraries.symlink_to(Path(dagster.__file__).parent.parent)
    (tmp_path / "broken.py").write_text(
        "import dagster as dg\n@dg.job\ndef twice():\n    raise KeyError('inside')\n"
    )
    env = environment(PYTHONPATH=f"{libraries}:{PACKAGE}")
    target = file_target("broken.py", tmp_path)
    told = call("describe", {"target": target}, tmp_path, env=env).only
    frames = [line for line in told["traceback"].splitlines() if line.startswith("  File")]
    assert len(frames) == 2
    assert all("broken.py" in frame for frame in frames)

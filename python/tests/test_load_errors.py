"""Code that cannot be loaded says where and why, with the user's frames alone."""

from pathlib import Path
from textwrap import dedent

import pytest
from driver import Answer, call, file_target


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

            @dg.asset(pool="has space")
            def spaced(): ...
            """,
            "DagsterInvalidDefinitionError",
            "has space",
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


def test_a_request_that_makes_no_sense_ends_with_code_4(tmp_path: Path) -> None:
    answer = call("describe", {"target": {"kind": "folder"}}, tmp_path)
    assert (answer.code, answer.only["kind"]) == (4, "bad_request")
    assert "folder" in answer.only["message"]

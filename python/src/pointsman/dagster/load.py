"""Loads the user's code: a file, a module or a package becomes one repository.

An error in it is told with the user's frames alone; how Dagster and this package called them is
nothing that the user can mend.
"""

from __future__ import annotations

import gc
import inspect
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.errors import BadRequest, LoadFailed

# A traceback of endless recursion has a thousand frames; the first and the last tell the story.
MAX_FRAMES = 40


def collect_garbage_from_now_on() -> None:
    """Collects garbage again, as the user's code expects, but not among all that was imported."""
    gc.freeze()
    gc.enable()


def load_repository(target: Mapping[str, Any]) -> Any:
    """Returns the repository that a target names. Raises `LoadFailed` for the user's mistakes."""
    folder = target.get("working_directory") or os.getcwd()
    os.environ.update(compat.environment_of_project(folder))
    kind = target.get("kind")
    if kind not in ("file", "module", "package"):
        raise BadRequest(f"target.kind is {kind!r}, none of file, module, package")
    name = target.get({"file": "path", "module": "module", "package": "package"}[kind])
    if not isinstance(name, str) or not name:
        raise BadRequest(f"target: a {kind} needs its name")
    try:
        return _repository(kind, name, folder, target.get("attribute"))
    except (KeyboardInterrupt, LoadFailed):
        raise
    except BaseException as error:  # SystemExit, too: a module may call sys.exit
        raise LoadFailed(load_error(error, name if kind == "file" else None)) from error


def target_of(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the target of a request."""
    target = request.get("target")
    if not isinstance(target, Mapping):
        raise BadRequest("the request has no target")
    return target


def _repository(kind: str, name: str, folder: str, attribute: str | None) -> Any:
    load = compat.load_python_file if kind == "file" else compat.load_python_module
    module = load(name, folder)
    definition = _attribute(module, name, attribute) if attribute else compat.only_target(module)
    repository = compat.repository_def_from_target_def(definition)
    if repository is None:
        found = type(definition).__name__
        raise TypeError(f"{attribute or name} is a {found}, which defines no jobs or assets")
    return repository


def _attribute(module: Any, name: str, attribute: str) -> Any:
    if not hasattr(module, attribute):
        raise AttributeError(f"{name} has no {attribute}")
    value = getattr(module, attribute)
    return value() if inspect.isfunction(value) else value


def load_error(error: BaseException, file: str | None) -> dict[str, Any]:
    """Returns the answer for code that cannot be loaded."""
    cause = compat.without_import_wrapper(error)
    frames = user_frames(cause.__traceback__)
    place = _place(cause, frames, file)
    return {
        "kind": "load_error",
        "class": type(cause).__name__,
        "message": _message(cause),
        "traceback": _traceback_text(cause),
        "file": place[0],
        "line": place[1],
    }


def user_frames(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    """Returns the frames of a traceback that are neither Dagster's, Python's nor ours."""
    return [frame for frame in traceback.extract_tb(trace) if is_user_file(frame.filename)]


def is_user_file(filename: str) -> bool:
    """Tells whether a file is the user's, or of a library that is neither Python nor Dagster."""
    if filename.startswith(("<frozen", *_FOREIGN)):
        return False
    is_installed = "site-packages" in filename or "dist-packages" in filename
    return is_installed or not filename.startswith(_STANDARD_LIBRARY)


def folder_of(file: str) -> tuple[str, ...]:
    """Returns the folder of a module as frames may name it: as it was found, and without links."""
    parents = (Path(file).parent, Path(file).resolve().parent)
    return tuple(dict.fromkeys(f"{parent}{os.sep}" for parent in parents))


def _foreign_folders() -> tuple[str, ...]:
    of_dagster = folder_of(dagster.__file__)
    shared = tuple(f"{Path(folder).parent / 'dagster_shared'}{os.sep}" for folder in of_dagster)
    return (*folder_of(__file__), *of_dagster, *shared)


_FOREIGN = _foreign_folders()
_STANDARD_LIBRARY = folder_of(os.__file__)


def _traceback_text(error: BaseException) -> str:
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < MAX_FRAMES:
        seen.add(id(current))
        parts.append(_one_traceback(current))
        current = _cause_of(current)
    joint = "\nThe above exception was the cause of this one:\n\n"
    return joint.join(reversed(parts))


def _one_traceback(error: BaseException) -> str:
    frames = user_frames(error.__traceback__)
    if len(frames) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        lines = traceback.format_list(frames[:half])
        lines.append(f"  [{len(frames) - MAX_FRAMES} more frames]\n")
        lines += traceback.format_list(frames[-half:])
    else:
        lines = traceback.format_list(frames)
    head = ["Traceback (most recent call last):\n"] if lines else []
    return "".join([*head, *lines, *traceback.format_exception_only(type(error), error)])


def _cause_of(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the code ended the process with sys.exit({error.code!r}) while it was loaded"
    return str(error)


def _place(
    error: BaseException, frames: list[traceback.FrameSummary], file: str | None
) -> tuple[str | None, int | None]:
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    if frames:
        return frames[-1].filename, frames[-1].lineno
    return file, None

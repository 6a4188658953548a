"""Refuses by name what nobody here knows, and says which call of user code led there.

That holds for every abstract method of Dagster's storages that is not written down, so that a
method that a new version adds is refused and not silently empty. What Dagster answers by itself,
where there is no storage behind it, is refused where it is named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

import dagster

from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.load import folder_of, is_user_file


def answering_only(base: type, answers: type) -> type:
    """Returns a class with the answers given, which refuses every other method of its base."""
    # `__abstractmethods__` leaves out those of bases that are not made by `ABCMeta`.
    missing = [name for name in dir(base) if _is_abstract(getattr(base, name, None))]
    refused = {
        name: refusing(name, getattr(base, name)) for name in missing if not hasattr(answers, name)
    }
    return type(answers.__name__, (answers, base), refused)


def refusing_these(base: type, calls: Iterable[str]) -> type:
    """Returns a class that refuses some methods of its base, which answer out of nothing."""
    return type(base.__name__, (base,), {call: refusing(call, None) for call in calls})


def _is_abstract(member: object) -> bool:
    return bool(getattr(member, "__isabstractmethod__", False))


def refusing(name: str, original: object) -> object:
    """Returns a method, or a property, that refuses."""

    def refuse(*_args: object, **_kwargs: object) -> Any:
        raise refusal(name)

    return property(refuse) if isinstance(original, property) else refuse


def refusal(storage_call: str, why: str | None = None) -> NotAnswered:
    """Returns the error that says what user code asked for in vain."""
    return NotAnswered(call_of(storage_call), why)


def call_of(storage_call: str) -> str:
    """Returns the call of user code that led to a call of a storage, or else this one."""
    return users_call() or storage_call


def users_call() -> str | None:
    """Returns the function of Dagster's that user code called and that led here."""
    name = None
    for frame in frames():
        code = frame.f_code
        if is_user_file(code.co_filename):
            return None if name is None else _as_users_know_it(name)
        # Decorators of Dagster's stand between; their inner functions say nothing.
        if not code.co_filename.startswith(_OURS) and code.co_name != "inner":
            name = getattr(code, "co_qualname", code.co_name)
    return None


def _as_users_know_it(name: str) -> str:
    """Names a method of the instance so, whichever of its many bases has it."""
    owner, _, method = name.rpartition(".")
    is_of_instance = owner in {base.__name__ for base in dagster.DagsterInstance.__mro__}
    return f"DagsterInstance.{method}" if is_of_instance else name


def frames() -> Iterator[FrameType]:
    """Returns the frames of the calls that led here, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


_OURS = folder_of(__file__)

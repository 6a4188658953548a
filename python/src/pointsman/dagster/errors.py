"""The errors that this package raises, and what they become in a message."""

from __future__ import annotations


class NotAnswered(Exception):  # noqa: N818 (it is named for what it says to the reader of a log)
    """User code asked the instance for something that Pointsman does not know.

    It is raised where an answer would have been made up, or silently empty.
    """

    def __init__(self, call: str, why: str | None = None) -> None:
        self.call = call
        reason = why or "nothing under Pointsman knows the answer"
        super().__init__(f"{call} is not answered: {reason}")


class BadRequest(Exception):  # noqa: N818
    """The request cannot be understood; the message says where."""


class Invalid(Exception):  # noqa: N818
    """The request is understood and Dagster refuses it: run config, a selection, a partition."""

    def __init__(self, message: str, errors: list[dict[str, str]] | None = None) -> None:
        self.message = message
        self.errors = errors or []
        super().__init__(message)


class LoadFailed(Exception):  # noqa: N818
    """The user's code cannot be loaded; `answer` is the message that says so."""

    def __init__(self, answer: dict[str, object]) -> None:
        self.answer = answer
        super().__init__(str(answer.get("message")))

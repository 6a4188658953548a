"""One run that is submitted, as a coordinator class sees it, and what the class makes of it.

The run is not there yet: what the class writes to it is taken down and told to the program. A write
that Dagster would lose, because it is to an object and not to the instance, is lost and told of.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, DagsterRunStatus

from pointsman.dagster import compat
from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.instance import make_instance, turn_to
from pointsman.dagster.load import load_error
from pointsman.dagster.runs import RunBook

# How a coordinator reports that it takes the run itself, in place of raising.
_ENDS = ("PIPELINE_CANCELING", "PIPELINE_CANCELED", "PIPELINE_FAILURE")


class Desk:
    """Where runs are offered to one coordinator, one after the other."""

    def __init__(
        self, coordinator: Any, base: str, storage: str, daemon: Mapping[str, Any] | None
    ) -> None:
        self._coordinator = coordinator
        self._base = base
        self._book = _Book(daemon)
        # Dagster keeps a weak reference to it alone.
        self._instance = make_instance(None, self._reported, storage, daemon, self._book)
        if base == "immediate":
            self._instance.launch_run = self._launched  # type: ignore[method-assign]
        coordinator.register_instance(self._instance)
        self._is_handed_on = False
        self._refusal: str | None = None

    def judge(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the tags that the class has written to the run, or why it refuses it."""
        run = _run(question, question["tags"])
        # Another object than the one that the class gets, and may write to.
        turn_to(self._instance, _run(question, question["tags"]))
        self._book.open(run.run_id)
        self._is_handed_on, self._refusal = False, None
        request = _Request(question["headers"])
        workspace = compat.workspace_of(_Workspace, self._instance, request)
        try:
            returned = self._coordinator.submit_run(compat.SubmitRunContext(run, workspace))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too: it is the user's code that runs here
            _tell(load_error(error, None)["traceback"])
            return {"reject": _in_words(error)}
        if self._refusal is not None:
            return {"reject": self._refusal}
        if not self._is_handed_on:
            return {"reject": _NOT_HANDED_ON.format(type(self._coordinator).__name__)}
        _tell_of_lost_tags({**question["tags"], **self._book.written}, run, returned)
        written = self._book.written.items()
        return {"tags": {k: v for k, v in written if question["tags"].get(k) != v}}

    def _reported(self, entry: Any) -> None:
        """Takes an event of the run: nothing keeps it, as there is no run yet."""
        kind = entry.dagster_event.event_type_value if entry.dagster_event else None
        if kind == "PIPELINE_ENQUEUED":
            if self._base == "immediate":
                raise NotAnswered("enqueue", "a DefaultRunCoordinator has no queue under Pointsman")
            self._is_handed_on = True
        elif kind in _ENDS:
            self._refusal = entry.message or f"{kind} was reported"
        else:
            _tell(entry.message)

    def _launched(self, run_id: str, _workspace: object) -> Any:
        """Takes the call by which a `DefaultRunCoordinator` launches at once; the program does."""
        self._is_handed_on = True
        return self._instance.get_run_by_id(run_id)


_NOT_HANDED_ON = (
    "{} has neither raised nor handed the run on, so that in Dagster it would never start: end "
    "submit_run by `return super().submit_run(context)`"
)


class _Book(RunBook):
    """All runs, of which the one that is submitted gets its tags here and not from the daemon."""

    def __init__(self, daemon: Mapping[str, Any] | None) -> None:
        super().__init__(daemon)
        self.written: dict[str, str] = {}
        self._submitted = ""

    def open(self, run_id: str) -> None:
        """Begins with the next run."""
        self._submitted, self.written = run_id, {}

    def add_tags(self, call: str, run_id: str, tags: Mapping[str, str]) -> None:
        if run_id != self._submitted:
            super().add_tags(call, run_id, tags)
        self.written.update(tags if run_id == self._submitted else {})


class _Headers(dict):  # type: ignore[type-arg]
    """The headers of a request, whose names may be written in any case."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(key.lower())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and super().__contains__(key.lower())


class _Request:
    """The request by which the run is submitted, as far as it is told."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = _Headers({name.lower(): value for name, value in headers.items()})


def _run(question: Mapping[str, Any], tags: Mapping[str, str]) -> DagsterRun:
    return DagsterRun(
        job_name=question["job"],
        run_id=question["run"],
        run_config=question.get("config") or {},
        status=DagsterRunStatus.NOT_STARTED,
        tags=dict(tags),
        remote_job_origin=compat.remote_origin(question["location"], question["job"]),
    )


def _refusing(name: str, original: object) -> object:
    def refuse(*_args: object, **_kwargs: object) -> Any:
        raise NotAnswered(f"context.workspace.{name}", "the coordinator is told of one run alone")

    return property(refuse) if isinstance(original, property) else refuse


_ANSWERED = ("instance", "source")

# The workspace of a request; everything that it would say of code is refused by name.
_Workspace: Any = type(
    "SubmissionWorkspace",
    (compat.WorkspaceRequestContext,),
    {
        name: _refusing(name, getattr(compat.WorkspaceRequestContext, name))
        for name in dir(compat.WorkspaceRequestContext)
        if not name.startswith("_") and name not in _ANSWERED
    },
)


def _in_words(error: BaseException) -> str:
    text, name = str(error), type(error).__name__
    return f"{name}: {text}" if text else name


def _tell_of_lost_tags(told: Mapping[str, str], *runs: Any) -> None:
    """Warns of tags that the class has set on an object: Dagster stores none of them."""
    tags = [run.tags.items() for run in runs if isinstance(run, DagsterRun)]
    lost = sorted({key for items in tags for key, value in items if told.get(key) != value})
    if lost:
        _tell(
            f"the tags {', '.join(lost)} are lost, as in Dagster: a tag is written by "
            "self._instance.add_run_tags(run.run_id, {...})"
        )


def _tell(text: str) -> None:
    """Writes to the log of the program."""
    if text:
        print(text.rstrip("\n"), file=sys.stderr, flush=True)

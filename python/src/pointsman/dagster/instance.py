"""The instance that user code meets: its storages write our lines and keep nothing.

A call that reads what nobody here knows raises `NotAnswered` with the name of the call. That holds
for every abstract method of Dagster's storages that is not written down here, so that a method that
a new version adds is refused and not silently empty. Dagster itself asks the event log while it
executes a step. It is told that there is nothing where that does no harm; if user code stands
between the question and Dagster, the question is the user's and is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRun, RunsFilter

from pointsman.dagster import compat
from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.load import is_user_file

Sink = Callable[[Any], None]


def make_instance(run: DagsterRun | None, sink: Sink, storage: str) -> DagsterInstance:
    """Returns an instance that knows one run, tells its events to `sink`, and stores no more.

    `storage` is the folder under which the default IO manager keeps values.
    """
    artifacts = compat.LocalArtifactStorage(storage)
    return DagsterInstance(
        instance_type=compat.InstanceType.EPHEMERAL,
        local_artifact_storage=artifacts,
        run_storage=_answering_only(compat.RunStorage, _Runs)(run),
        event_storage=_answering_only(compat.EventLogStorage, _Events)(run, sink),
        compute_log_manager=compat.NoOpComputeLogManager(),
        run_coordinator=_answering_only(compat.RunCoordinator, _Nothing)(),
        run_launcher=_answering_only(compat.RunLauncher, _Nothing)(),
    )


class _Nothing:
    """What a coordinator and a launcher answer here."""


class _Runs:
    """The one run that is executed."""

    def __init__(self, run: DagsterRun | None) -> None:
        super().__init__()
        self._run = run

    def get_run_records(
        self, filters: RunsFilter | None = None, *_args: object, **_kwargs: object
    ) -> Sequence[Any]:
        if not self._is_own(filters):
            raise _refusal("get_run_records")
        return [_own_record(self._run)]

    def get_runs(
        self, filters: RunsFilter | None = None, *_args: object, **_kwargs: object
    ) -> Sequence[DagsterRun]:
        if self._run is None or not self._is_own(filters):
            raise _refusal("get_runs")
        return [self._run]

    def has_run(self, run_id: str) -> bool:
        if self._run is not None and run_id == self._run.run_id:
            return True
        raise _refusal("has_run")

    def handle_run_event(self, *_args: object, **_kwargs: object) -> None:
        """The program knows how its runs fare; nobody reads it from here."""

    def _is_own(self, filters: RunsFilter | None) -> bool:
        return (
            self._run is not None
            and filters is not None
            and list(filters.run_ids or ()) == [self._run.run_id]
        )


def _own_record(run: DagsterRun | None) -> Any:
    from dagster._core.storage.dagster_run import RunRecord

    now = datetime.now(timezone.utc)
    return RunRecord(storage_id=1, dagster_run=run, create_timestamp=now, update_timestamp=now)


class _Events:
    """The event log as a stream that nobody can read back."""

    def __init__(self, run: DagsterRun | None, sink: Sink) -> None:
        super().__init__()
        self._run_id = run.run_id if run else None
        self._sink = sink

    @property
    def is_persistent(self) -> bool:
        return False

    def store_event(self, event: Any) -> None:
        if event.run_id != self._run_id:
            raise _refusal("store_event")
        self._sink(event)

    def get_asset_records(self, asset_keys: Sequence[Any] | None = None) -> Sequence[Any]:
        _refuse_users("get_asset_records")
        return []


def _answering_only(base: type, answers: type) -> type:
    """Returns a class with the answers given, which refuses every other method of its base."""
    missing: frozenset[str] = base.__abstractmethods__  # type: ignore[attr-defined]
    refused = {
        name: _refusing(name, getattr(base, name)) for name in missing if not hasattr(answers, name)
    }
    return type(answers.__name__, (answers, base), refused)


def _refusing(name: str, original: object) -> object:
    def refuse(_self: object, *_args: object, **_kwargs: object) -> Any:
        raise _refusal(name)

    return property(refuse) if isinstance(original, property) else refuse


def _refusal(storage_call: str) -> NotAnswered:
    return NotAnswered(_users_call() or storage_call)


def _refuse_users(storage_call: str) -> None:
    call = _users_call()
    if call is not None:
        raise NotAnswered(call)


def _users_call() -> str | None:
    """Returns what user code called, if user code stands between here and this package."""
    name = None
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if is_user_file(code.co_filename):
            return name
        if not code.co_filename.startswith(_OURS):
            name = getattr(code, "co_qualname", code.co_name)
        elif name is not None:
            return None
        frame = frame.f_back
    return None


_OURS = str(Path(__file__).resolve().parent)

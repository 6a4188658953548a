"""The instance that user code meets: its storages write our lines and keep nothing.

A call that reads what nobody here knows raises `NotAnswered` with the name of the call. That holds
for every abstract method of Dagster's storages that is not written down here, so that a method that
a new version adds is refused and not silently empty. Dagster itself asks the event log for the data
versions of what a step reads, to write them beside what the step makes and to tell the process of a
Pipes client. That there are none is told to these places of Dagster's and to nobody else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from types import FrameType
from typing import Any

from dagster import DagsterInstance, DagsterRun, EventRecordsResult, RunsFilter

from pointsman.dagster import compat
from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.load import folder_of, is_user_file
from pointsman.dagster.runs import RunBook

PARTITION_TAG = "dagster/partition"

Sink = Callable[[Any], None]


def make_instance(
    run: DagsterRun | None, sink: Sink, storage: str, daemon: Mapping[str, Any] | None
) -> DagsterInstance:
    """Returns an instance that knows one run, tells its events to `sink`, and stores no more.

    `storage` is the folder under which the default IO manager keeps values; `daemon` says who
    answers questions about other runs.
    """
    artifacts = compat.LocalArtifactStorage(storage)
    instance = DagsterInstance(
        instance_type=compat.InstanceType.EPHEMERAL,
        local_artifact_storage=artifacts,
        run_storage=_answering_only(compat.RunStorage, _Runs)(run, RunBook(daemon)),
        event_storage=_answering_only(compat.EventLogStorage, _Events)(run, sink),
        compute_log_manager=compat.NoOpComputeLogManager(),
        run_coordinator=_answering_only(compat.RunCoordinator, _Nothing)(),
        run_launcher=_answering_only(compat.RunLauncher, _Nothing)(),
    )
    for call in _LAUNCHING_CALLS:
        setattr(instance, call, _refusing(call, None))
    compat.answer_for_instance(lambda: instance)
    return instance


def refuse_instance() -> None:
    """Refuses to say which instance there is, while code is loaded and nothing is executed."""
    compat.answer_for_instance(_no_instance)


def _no_instance() -> Any:
    raise NotAnswered("DagsterInstance.get", "code is loaded without an instance")


# These look at the run before they come to the coordinator or the launcher, which refuse them.
_LAUNCHING_CALLS = ("submit_run", "launch_run", "resume_run")


class _Nothing:
    """What a coordinator and a launcher answer here."""


class _Runs:
    """The run that is executed, and what the daemon tells of others."""

    def __init__(self, run: DagsterRun | None, book: RunBook) -> None:
        super().__init__()
        self._run = run
        self._book = book

    def get_run_records(
        self,
        filters: RunsFilter | None = None,
        limit: int | None = None,
        order_by: str | None = None,
        ascending: bool = False,
        cursor: str | None = None,
        bucket_by: object = None,
    ) -> Sequence[Any]:
        call = _users_call() or "get_run_records"
        if self._run is not None and self._is_own(filters):
            return [_own_record(self._run)]
        if ascending or bucket_by is not None or order_by not in (None, "id"):
            raise NotAnswered(call, "runs are listed from the newest to the oldest alone")
        return self._book.records(call, filters, limit, cursor)

    def get_runs(
        self,
        filters: RunsFilter | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        bucket_by: object = None,
        ascending: bool = False,
    ) -> Sequence[DagsterRun]:
        records = self.get_run_records(
            filters, limit, ascending=ascending, cursor=cursor, bucket_by=bucket_by
        )
        return [record.dagster_run for record in records]

    def get_run_ids(
        self, filters: RunsFilter | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Sequence[str]:
        return [run.run_id for run in self.get_runs(filters, cursor, limit)]

    def get_runs_count(self, filters: RunsFilter | None = None) -> int:
        return self._book.count(_users_call() or "get_runs_count", filters)

    def has_run(self, run_id: str) -> bool:
        return bool(self.get_run_records(RunsFilter(run_ids=[run_id])))

    def add_run_tags(self, run_id: str, new_tags: Mapping[str, str]) -> None:
        self._book.add_tags(_users_call() or "add_run_tags", run_id, new_tags)
        if self._run is not None and run_id == self._run.run_id:
            self._run = self._run.with_tags({**self._run.tags, **new_tags})

    def handle_run_event(self, *_args: object, **_kwargs: object) -> None:
        """The program knows how its runs fare; nobody reads it from here."""

    def _is_own(self, filters: RunsFilter | None) -> bool:
        return (
            self._run is not None
            and filters is not None
            and list(filters.run_ids or ()) == [self._run.run_id]
        )


def _own_record(run: DagsterRun) -> Any:
    now = datetime.now(timezone.utc)
    return compat.RunRecord(
        storage_id=1, dagster_run=run, create_timestamp=now, update_timestamp=now
    )


class _Events:
    """The event log as a stream that nobody can read back."""

    def __init__(self, run: DagsterRun | None, sink: Sink) -> None:
        super().__init__()
        self._run_id = run.run_id if run else None
        self._own_partitions = _partitions_of(run) if run else frozenset()
        self._sink = sink

    @property
    def is_persistent(self) -> bool:
        return False

    def store_event(self, event: Any) -> None:
        if event.run_id != self._run_id:
            raise _refusal("store_event")
        self._sink(event)

    @property
    def asset_records_have_last_observation(self) -> bool:
        # Otherwise Dagster would ask for observations, too, when it looks for data versions.
        return True

    def get_asset_records(self, asset_keys: Sequence[Any] | None = None) -> Sequence[Any]:
        if _asks_for_data_versions():
            return []
        raise _refusal("get_asset_records")

    def fetch_materializations(self, *_args: object, **_kwargs: object) -> Any:
        if _asks_for_data_versions():
            return EventRecordsResult([], "", False)
        raise _refusal("fetch_materializations")

    def fetch_observations(self, *_args: object, **_kwargs: object) -> Any:
        if _asks_for_data_versions():
            return EventRecordsResult([], "", False)
        raise _refusal("fetch_observations")

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        # Whoever launched the run for a partition has seen that it is there.
        if partition_key in self._own_partitions:
            return True
        raise _refusal("has_dynamic_partition")


def _answering_only(base: type, answers: type) -> type:
    """Returns a class with the answers given, which refuses every other method of its base."""
    missing: frozenset[str] = base.__abstractmethods__  # type: ignore[attr-defined]
    refused = {
        name: _refusing(name, getattr(base, name)) for name in missing if not hasattr(answers, name)
    }
    return type(answers.__name__, (answers, base), refused)


def _refusing(name: str, original: object) -> object:
    def refuse(*_args: object, **_kwargs: object) -> Any:
        raise _refusal(name)

    return property(refuse) if isinstance(original, property) else refuse


def _refusal(storage_call: str) -> NotAnswered:
    return NotAnswered(_users_call() or storage_call)


def _partitions_of(run: DagsterRun) -> frozenset[str]:
    tags = run.tags.items()
    return frozenset(value for key, value in tags if key.startswith(PARTITION_TAG))


def _asks_for_data_versions() -> bool:
    return any(frame.f_code.co_name in _DATA_VERSION_CALLS for frame in _frames())


# The functions of Dagster's that ask for themselves, whichever of them its version has.
_DATA_VERSION_CALLS = frozenset(
    {
        "_fetch_input_asset_version_info",
        # Which materialization a check of a partition is about, from 1.13.
        "_get_partitioned_target_materialization_data",
        "build_external_execution_context_data",
        "fetch_external_input_asset_version_info",
    }
)


def _users_call() -> str | None:
    """Returns the function of Dagster's that user code called and that led here."""
    name = None
    for frame in _frames():
        code = frame.f_code
        if is_user_file(code.co_filename):
            return name
        # Decorators of Dagster's stand between; their inner functions say nothing.
        if not code.co_filename.startswith(_OURS) and code.co_name != "inner":
            name = getattr(code, "co_qualname", code.co_name)
    return None


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


_OURS = folder_of(__file__)

"""The instance that user code meets: its storages write our lines and keep nothing.

A call that reads what nobody here knows raises `NotAnswered` with the name of the call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from dagster import DagsterInstance, DagsterRun, RunsFilter

from pointsman.dagster import compat
from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.event_log import PARTITION_TAG, Sink, make_event_log
from pointsman.dagster.refusing import answering_only, call_of, refusing, refusing_these
from pointsman.dagster.runs import RunBook

__all__ = ["PARTITION_TAG", "make_instance", "refuse_instance"]


def make_instance(
    run: DagsterRun | None,
    sink: Sink,
    storage: str,
    daemon: Mapping[str, Any] | None,
    book: RunBook | None = None,
) -> DagsterInstance:
    """Returns an instance that knows one run, tells its events to `sink`, and stores no more.

    `storage` is the folder under which the default IO manager keeps values; `daemon` says who
    answers questions about other runs, unless `book` does.
    """
    artifacts = compat.LocalArtifactStorage(storage)
    instance = DagsterInstance(
        instance_type=compat.InstanceType.EPHEMERAL,
        local_artifact_storage=artifacts,
        run_storage=answering_only(compat.RunStorage, _Runs)(run, book or RunBook(daemon)),
        event_storage=make_event_log(run, sink, daemon),
        compute_log_manager=refusing_these(compat.NoOpComputeLogManager, _LOG_CALLS)(),
        run_coordinator=answering_only(compat.RunCoordinator, _Nothing)(),
        run_launcher=answering_only(compat.RunLauncher, _Nothing)(),
    )
    for call in (*_LAUNCHING_CALLS, *_EMPTY_CALLS):
        if hasattr(instance, call):
            setattr(instance, call, refusing(call, None))
    compat.answer_for_instance(lambda: instance)
    return instance


def turn_to(instance: DagsterInstance, run: DagsterRun) -> None:
    """Lets an instance know another run than the one before."""
    instance.run_storage.turn_to(run)  # type: ignore[attr-defined]
    instance.event_log_storage.turn_to(run)  # type: ignore[attr-defined]


def refuse_instance() -> None:
    """Refuses to say which instance there is, while code is loaded and nothing is executed."""
    compat.answer_for_instance(_no_instance)


def _no_instance() -> Any:
    raise NotAnswered("DagsterInstance.get", "code is loaded without an instance")


# These look at the run before they come to the coordinator or the launcher, which refuse them.
_LAUNCHING_CALLS = ("submit_run", "launch_run", "resume_run")

# To these, an instance of Dagster's answers that there is nothing, without asking a storage.
_EMPTY_CALLS = (
    "get_tick",
    "get_ticks",
    "get_batch_ticks",
    "get_tick_summaries",
    "get_asset_check_health_state_for_assets",
    "get_asset_freshness_health_state_for_assets",
    "get_asset_materialization_health_state_for_assets",
    "get_minimal_asset_materialization_health_state_for_assets",
)

# What steps have printed is with the program, which nobody asks for it from here.
_LOG_CALLS = ("get_log_data", "get_log_data_for_type", "get_log_metadata", "subscribe")


class _Nothing:
    """What a coordinator and a launcher answer here."""


class _Runs:
    """The run that is executed, and what the daemon tells of others."""

    def __init__(self, run: DagsterRun | None, book: RunBook) -> None:
        super().__init__()
        self._run = run
        self._book = book

    def turn_to(self, run: DagsterRun) -> None:
        self._run = run

    def get_run_records(
        self,
        filters: RunsFilter | None = None,
        limit: int | None = None,
        order_by: str | None = None,
        ascending: bool = False,
        cursor: str | None = None,
        bucket_by: object = None,
    ) -> Sequence[Any]:
        call = call_of("get_run_records")
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
        return self._book.count(call_of("get_runs_count"), filters)

    def has_run(self, run_id: str) -> bool:
        return bool(self.get_run_records(RunsFilter(run_ids=[run_id])))

    def add_run_tags(self, run_id: str, new_tags: Mapping[str, str]) -> None:
        self._book.add_tags(call_of("add_run_tags"), run_id, new_tags)
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

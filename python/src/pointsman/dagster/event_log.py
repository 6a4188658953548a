"""The event log that user code meets: what happens goes to `sink`, questions go to the daemon.

Dagster itself asks the event log for the data versions of what a step reads, to write them beside
what the step makes and to tell the process of a Pipes client. That there are none is told to these
places of Dagster's and to nobody else: no step is to fail because the daemon is started again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from dagster import AssetKey, AssetRecordsFilter, DagsterRun, EventRecordsFilter, EventRecordsResult

from pointsman.dagster import compat
from pointsman.dagster.assets import AssetBook
from pointsman.dagster.partitions import PartitionBook
from pointsman.dagster.refusing import answering_only, call_of, frames, refusal, refusing

PARTITION_TAG = "dagster/partition"

Sink = Callable[[Any], None]


def make_event_log(run: DagsterRun | None, sink: Sink, daemon: Mapping[str, Any] | None) -> Any:
    """Returns an event log that takes the events of one run; `daemon` says who answers."""
    return answering_only(compat.EventLogStorage, _Events)(run, sink, daemon)


class _Events:
    """What a run tells, and what the daemon knows of assets and partitions."""

    def __init__(
        self, run: DagsterRun | None, sink: Sink, daemon: Mapping[str, Any] | None
    ) -> None:
        super().__init__()
        self._run_id = run.run_id if run else None
        self._own_partitions = _partitions_of(run) if run else frozenset()
        self._sink = sink
        self._assets = AssetBook(daemon)
        self._partitions = PartitionBook(daemon)

    def turn_to(self, run: DagsterRun) -> None:
        # One that is not launched yet: whether its partition is there nobody has looked.
        self._run_id = run.run_id

    @property
    def is_persistent(self) -> bool:
        return False

    def store_event(self, event: Any) -> None:
        if event.run_id != self._run_id:
            raise refusal("store_event")
        self._sink(event)

    @property
    def asset_records_have_last_observation(self) -> bool:
        # Otherwise Dagster would ask for observations, too, when it looks for data versions.
        return True

    def get_event_records(
        self, event_records_filter: Any, limit: int | None = None, ascending: bool = False
    ) -> Sequence[Any]:
        call = call_of("get_event_records")
        return self._assets.records(call, event_records_filter, limit, ascending)

    def get_asset_records(self, asset_keys: Sequence[AssetKey] | None = None) -> Sequence[Any]:
        if _asks_for_data_versions():
            return []
        if asset_keys is None:
            raise refusal("get_asset_records", "name the assets; there is no list of all of them")
        return self._assets.asset_records(call_of("get_asset_records"), asset_keys)

    def get_latest_materialization_events(
        self, asset_keys: Iterable[AssetKey]
    ) -> Mapping[AssetKey, Any]:
        call = call_of("get_latest_materialization_events")
        return self._assets.latest_materializations(call, asset_keys)

    def has_asset_key(self, asset_key: AssetKey) -> bool:
        return bool(self._assets.asset_records(call_of("has_asset_key"), [asset_key]))

    def get_materialized_partitions(
        self,
        asset_key: AssetKey,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> set[str]:
        if before_cursor is not None or after_cursor is not None:
            raise refusal("get_materialized_partitions", "there are no cursors of partitions")
        return self._assets.materialized_partitions(
            call_of("get_materialized_partitions"), asset_key
        )

    def fetch_materializations(
        self,
        records_filter: AssetKey | AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,
    ) -> EventRecordsResult:
        if _asks_for_data_versions():
            return EventRecordsResult([], "", False)
        kind = compat.DagsterEventType.ASSET_MATERIALIZATION
        call = call_of("fetch_materializations")
        return self._fetch(call, kind, records_filter, limit, cursor, ascending)

    def fetch_observations(
        self,
        records_filter: AssetKey | AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,
    ) -> EventRecordsResult:
        if _asks_for_data_versions():
            return EventRecordsResult([], "", False)
        kind = compat.DagsterEventType.ASSET_OBSERVATION
        call = call_of("fetch_observations")
        return self._fetch(call, kind, records_filter, limit, cursor, ascending)

    def _fetch(
        self, call: str, kind: Any, wanted: Any, limit: int, cursor: str | None, ascending: bool
    ) -> EventRecordsResult:
        if isinstance(wanted, AssetRecordsFilter):
            wanted = wanted.to_event_records_filter(kind, cursor=cursor, ascending=ascending)
        else:
            before, after = EventRecordsFilter.get_cursor_params(cursor, ascending)
            wanted = EventRecordsFilter(
                kind, asset_key=wanted, before_cursor=before, after_cursor=after
            )
        found = self._assets.records(call, wanted, limit + 1, ascending)
        records = found[:limit]
        last = compat.cursor_of(records[-1].storage_id) if records else cursor
        return EventRecordsResult(records, last or compat.cursor_of(-1), len(found) > limit)

    def get_latest_asset_check_execution_by_key(
        self, check_keys: Sequence[Any], partition_filter: object = None
    ) -> Mapping[Any, Any]:
        call = call_of("get_latest_asset_check_execution_by_key")
        _refuse_filter(call, partition_filter)
        found = {key: self._assets.checks(call, key, 1) for key in dict.fromkeys(check_keys)}
        return {key: records[0] for key, records in found.items() if records}

    def get_asset_check_execution_history(
        self,
        check_key: Any,
        limit: int,
        cursor: int | None = None,
        status: AbstractSet[Any] | None = None,
        partition_filter: object = None,
    ) -> Sequence[Any]:
        call = call_of("get_asset_check_execution_history")
        _refuse_filter(call, partition_filter)
        return self._assets.checks(call, check_key, limit, cursor, compat.passed_of(status))

    # Dagster's own answer is a state in which no check has ever run.
    get_checkpointed_asset_check_state = refusing("get_checkpointed_asset_check_state", None)

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        return self._partitions.keys(call_of("get_dynamic_partitions"), partitions_def_name)

    def get_paginated_dynamic_partitions(
        self, partitions_def_name: str, limit: int, ascending: bool, cursor: str | None = None
    ) -> Any:
        call = call_of("get_paginated_dynamic_partitions")
        keys = self._partitions.keys(call, partitions_def_name)
        return compat.page_of(keys, limit, ascending, cursor)

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        # Whoever launched the run for a partition has seen that it is there.
        if partition_key in self._own_partitions:
            return True
        call = call_of("has_dynamic_partition")
        return self._partitions.has(call, partitions_def_name, partition_key)

    def add_dynamic_partitions(
        self, partitions_def_name: str, partition_keys: Sequence[str]
    ) -> None:
        call = call_of("add_dynamic_partitions")
        self._partitions.add(call, partitions_def_name, partition_keys)

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        call = call_of("delete_dynamic_partition")
        self._partitions.remove(call, partitions_def_name, partition_key)


def _refuse_filter(call: str, partition_filter: object) -> None:
    if partition_filter is not None:
        raise refusal(call, "checks are not told by partition")


def _partitions_of(run: DagsterRun) -> frozenset[str]:
    tags = run.tags.items()
    return frozenset(value for key, value in tags if key.startswith(PARTITION_TAG))


def _asks_for_data_versions() -> bool:
    return any(frame.f_code.co_name in compat.DATA_VERSION_CALLS for frame in frames())

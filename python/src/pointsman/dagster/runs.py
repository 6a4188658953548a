"""Answers user code's questions about runs from the daemon, as Dagster's records.

Without a daemon to ask, and for filters that the daemon does not have, a question is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from pointsman.dagster import compat
from pointsman.dagster.asking import Asking
from pointsman.dagster.client import Client, ClientError
from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.records import instant

# What a run can be here; Dagster has more, which no run here ever is.
STATUSES = frozenset(
    {"QUEUED", "STARTING", "STARTED", "SUCCESS", "FAILURE", "CANCELING", "CANCELED", "NOT_STARTED"}
)

# A run that has it is one of a backfill.
BACKFILL_TAG = "dagster/backfill"


class RunBook(Asking):
    """All runs, as far as the daemon tells of them."""

    def records(
        self, call: str, filters: RunsFilter | None, limit: int | None, cursor: str | None
    ) -> list[Any]:
        """Returns the records that match, the newest first."""
        with self.asked(call) as client:
            told = self._told(client, call, filters or RunsFilter(), limit, cursor)
            return [_record(client, run) for run in islice(told, limit)]

    def count(self, call: str, filters: RunsFilter | None) -> int:
        """Returns how many runs match."""
        with self.asked(call) as client:
            return sum(1 for _ in self._told(client, call, filters or RunsFilter(), None, None))

    def add_tags(self, call: str, run_id: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a run."""
        with self.asked(call) as client:
            client.set_tags(run_id, tags)

    def _told(
        self,
        client: Client,
        call: str,
        filters: RunsFilter,
        limit: int | None,
        cursor: str | None,
    ) -> Iterator[dict[str, Any]]:
        _refuse_unknown(call, filters)
        before = _sequence(client, call, cursor) if cursor else None
        if filters.run_ids is not None:
            found = (client.run(run_id) for run_id in dict.fromkeys(filters.run_ids))
            named = sorted(filter(None, found), key=lambda run: -run["sequence"])
            candidates = (run for run in named if before is None or run["sequence"] < int(before))
        else:
            query = _query(filters)
            if query is None:
                return iter(())
            candidates = client.runs(query, before, limit)
        return (run for run in candidates if _matches(filters, run))


def _refuse_unknown(call: str, filters: RunsFilter) -> None:
    for name in ("snapshot_id", "updated_after", "updated_before"):
        if getattr(filters, name, None) is not None:
            raise NotAnswered(call, f"runs are not filtered by {name}")


def _query(filters: RunsFilter) -> list[tuple[str, str]] | None:
    """Returns what the API is asked, or nothing if no run can match."""
    query: list[tuple[str, str]] = []
    if filters.job_name:
        query.append(("job", filters.job_name))
    if filters.statuses:
        known = sorted({status.value for status in filters.statuses} & STATUSES)
        if not known:
            return None
        query.append(("status", ",".join(known)))
    for key, value in (filters.tags or {}).items():
        if isinstance(value, str):
            query.append(("tag", f"{key}={value}"))
    return query


def _sequence(client: Client, call: str, run_id: str) -> str:
    run = client.run(run_id)
    if run is None:
        raise NotAnswered(call, f"there is no run {run_id}, after which the list was to begin")
    return str(run["sequence"])


def _matches(filters: RunsFilter, run: Mapping[str, Any]) -> bool:
    created = instant(run["submitted_at"])
    return (
        (not filters.job_name or run["job"] == filters.job_name)
        and (not filters.statuses or run["status"] in {s.value for s in filters.statuses})
        and all(_has_tag(run, key, value) for key, value in (filters.tags or {}).items())
        and (filters.created_after is None or created > _aware(filters.created_after))
        and (filters.created_before is None or created < _aware(filters.created_before))
        and not (filters.exclude_subruns and BACKFILL_TAG in run["tags"])
    )


def _has_tag(run: Mapping[str, Any], key: str, wanted: str | Sequence[str]) -> bool:
    value = run["tags"].get(key)
    return value == wanted if isinstance(wanted, str) else value in wanted


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.astimezone()


def _record(client: Client, run: Mapping[str, Any]) -> Any:
    times = [run.get(key) for key in ("submitted_at", "starting_at", "started_at", "ended_at")]
    _, _, started, ended = (instant(time) if time else None for time in times)
    return compat.RunRecord(
        storage_id=run["sequence"],
        dagster_run=_dagster_run(client, run),
        create_timestamp=instant(run["submitted_at"]),
        update_timestamp=max(instant(time) for time in times if time),
        start_time=started.timestamp() if started else None,
        end_time=ended.timestamp() if ended else None,
    )


def _dagster_run(client: Client, run: Mapping[str, Any]) -> DagsterRun:
    config = ConfigOnDemand(client, run)
    told = DagsterRun(
        job_name=run["job"],
        run_id=run["id"],
        run_config=config,
        status=DagsterRunStatus[run["status"]],
        tags=run["tags"],
        remote_job_origin=compat.remote_origin(run["location"], run["job"]),
    )
    config.arm()
    return told


class ConfigOnDemand(dict):  # type: ignore[type-arg]
    """The config of a run from a list, which does not tell it: it is asked for when it is read.

    Dagster looks into it when it makes the run. Until it is armed, it is an empty dictionary.
    """

    def __init__(self, client: Client, run: Mapping[str, Any]) -> None:
        super().__init__()
        self._client = client
        self._run = run
        self._is_armed = False

    def arm(self) -> None:
        """Lets the next look fetch the config, unless it was told already."""
        if "config" in self._run:
            self.update(self._run["config"] or {})
        else:
            self._is_armed = True

    def _fetch(self) -> None:
        if not self._is_armed:
            return
        self._is_armed = False
        try:
            told = self._client.run(self._run["id"])
        except ClientError as error:
            self._is_armed = True
            raise NotAnswered("DagsterRun.run_config", str(error)) from error
        self.update((told or {}).get("config") or {})


def _fetching(name: str) -> Any:
    original = getattr(dict, name)

    def fetch_first(self: ConfigOnDemand, *args: Any) -> Any:
        self._fetch()
        return original(self, *args)

    return fetch_first


for _name in (
    *("__getitem__", "__contains__", "__iter__", "__len__", "__eq__", "__ne__", "__repr__"),
    *("get", "keys", "values", "items", "copy", "__or__", "__reduce_ex__"),
):
    setattr(ConfigOnDemand, _name, _fetching(_name))

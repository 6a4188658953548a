"""Answers questions about materializations, observations and checks from the daemon.

What of a filter the daemon does not have is looked at here, or the question is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import dagster

from pointsman.dagster import compat
from pointsman.dagster.asking import Asking
from pointsman.dagster.client import Client
from pointsman.dagster.errors import NotAnswered
from pointsman.dagster.records import asset_record, check_record, event_record, seconds

Query = list[tuple[str, str]]

KINDS = {
    compat.DagsterEventType.ASSET_MATERIALIZATION: "MATERIALIZATION",
    compat.DagsterEventType.ASSET_OBSERVATION: "OBSERVATION",
}

# The names of several assets must fit into one address.
MAX_ASSETS_AT_ONCE = 20


class AssetBook(Asking):
    """The events of all assets."""

    def records(
        self, call: str, wanted: dagster.EventRecordsFilter, limit: int | None, ascending: bool
    ) -> list[Any]:
        """Returns the events of one asset that a filter lets through, with their numbers."""
        _refuse_unknown(call, wanted)
        partitions: Sequence[str | None] = wanted.asset_partitions or [None]
        with self.asked(call) as client:
            found = [
                event
                for partition in dict.fromkeys(partitions)
                for event in islice(_matching(client, wanted, partition, limit, ascending), limit)
            ]
        found.sort(key=lambda event: event["change"], reverse=not ascending)
        return [event_record(event) for event in found[:limit]]

    def latest(self, call: str, keys: Iterable[Any], kind: str) -> dict[Any, Mapping[str, Any]]:
        """Returns the newest event of a kind of each asset that has one."""
        texts = [key.to_user_string() for key in dict.fromkeys(keys)]
        found = {}
        with self.asked(call) as client:
            for begin in range(0, len(texts), MAX_ASSETS_AT_ONCE):
                query = [("asset", text) for text in texts[begin : begin + MAX_ASSETS_AT_ONCE]]
                for event in client.asset_events([*query, ("kind", kind), ("latest", "true")]):
                    found[dagster.AssetKey.from_user_string(event["asset"])] = event
        return found

    def latest_materializations(self, call: str, keys: Iterable[Any]) -> dict[Any, Any]:
        """Returns the newest materialization of each asset; nothing for one that has none."""
        asked = list(keys)
        found = self.latest(call, asked, "MATERIALIZATION")
        return {
            key: event_record(found[key]).event_log_entry if key in found else None for key in asked
        }

    def asset_records(self, call: str, keys: Sequence[Any]) -> list[Any]:
        """Returns what is known of those of these assets of which something has happened."""
        made = self.latest(call, keys, "MATERIALIZATION")
        seen = self.latest(call, keys, "OBSERVATION")
        return [
            asset_record(key, made.get(key), seen.get(key))
            for key in dict.fromkeys(keys)
            if key in made or key in seen
        ]

    def materialized_partitions(self, call: str, key: Any) -> set[str]:
        """Returns the partitions of an asset that were made at least once."""
        with self.asked(call) as client:
            return set(client.materialized_partitions(key.to_user_string()))

    def checks(
        self,
        call: str,
        key: Any,
        limit: int,
        before: int | None = None,
        passed: frozenset[bool] = frozenset({True, False}),
    ) -> list[Any]:
        """Returns how a check ended, the newest first; every end is among those of `passed`."""
        if not passed:
            return []
        query = [("asset", key.asset_key.to_user_string()), ("kind", "CHECK"), ("check", key.name)]
        with self.asked(call) as client:
            page = limit if len(passed) == 2 else None
            events = client.asset_events(query, before=before, limit=page)
            return [
                check_record(event)
                for event in islice((e for e in events if e["passed"] in passed), limit)
            ]


def _refuse_unknown(call: str, wanted: dagster.EventRecordsFilter) -> None:
    if wanted.event_type not in KINDS:
        raise NotAnswered(call, f"events of type {wanted.event_type.value} are not told")
    if wanted.asset_key is None:
        raise NotAnswered(call, "events are told of one asset; name it as asset_key")
    if wanted.storage_ids is not None:
        raise NotAnswered(call, "events are not looked up by storage_ids")


def _matching(
    client: Client,
    wanted: dagster.EventRecordsFilter,
    partition: str | None,
    limit: int | None,
    ascending: bool,
) -> Iterator[dict[str, Any]]:
    asset: Any = wanted.asset_key
    query = [("asset", asset.to_user_string()), ("kind", KINDS[wanted.event_type])]
    if partition is not None:
        query.append(("partition", partition))
    after, before = wanted.after_timestamp, wanted.before_timestamp
    has_times = after is not None or before is not None
    for event in client.asset_events(
        query,
        after=_number(wanted.after_cursor),
        before=_number(wanted.before_cursor),
        ascending=ascending,
        limit=None if has_times else limit,
    ):
        at = seconds(event["at"])
        if (after is None or at > after) and (before is None or at < before):
            yield event


def _number(cursor: Any) -> int | None:
    return cursor if cursor is None or isinstance(cursor, int) else cursor.id

"""Makes Dagster's records of what the daemon tells of an event of an asset.

The other way round than `events` and `metadata`, which tell the program what Dagster says.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster

from pointsman.dagster import compat

Type = compat.DagsterEventType


def instant(text: str) -> datetime:
    """Reads an instant as the API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def seconds(text: str) -> float:
    """Reads an instant as seconds since 1970."""
    return instant(text).timestamp()


def event_record(told: Mapping[str, Any]) -> dagster.EventLogRecord:
    """Returns an event; its number among all changes is its storage id."""
    return dagster.EventLogRecord(storage_id=told["change"], event_log_entry=_entry(told))


def asset_record(
    key: dagster.AssetKey,
    materialization: Mapping[str, Any] | None,
    observation: Mapping[str, Any] | None,
) -> Any:
    """Returns what is known of an asset by its newest materialization and observation."""
    told = [event for event in (materialization, observation) if event is not None]
    entry = compat.AssetEntry(
        asset_key=key,
        last_materialization_record=_record_if_any(materialization),
        last_observation_record=_record_if_any(observation),
        last_run_id=max(told, key=lambda event: event["change"])["run"],
    )
    return compat.AssetRecord(storage_id=max(event["change"] for event in told), asset_entry=entry)


def _record_if_any(told: Mapping[str, Any] | None) -> dagster.EventLogRecord | None:
    return None if told is None else event_record(told)


def check_record(told: Mapping[str, Any]) -> Any:
    """Returns how a check ended."""
    key = dagster.AssetCheckKey(dagster.AssetKey.from_user_string(told["asset"]), told["check"])
    return compat.check_record(
        key, told["change"], _entry(told), told["passed"], told.get("partition")
    )


def _entry(told: Mapping[str, Any]) -> Any:
    event_type, data = _MAKE[told["kind"]](told)
    event = compat.DagsterEvent(
        event_type_value=event_type.value,
        job_name=told["job"],
        step_key=told["step"],
        event_specific_data=data,
    )
    return compat.EventLogEntry(
        error_info=None,
        level=logging.DEBUG,
        user_message="",
        run_id=told["run"],
        timestamp=seconds(told["at"]),
        step_key=told["step"],
        job_name=told["job"],
        dagster_event=event,
    )


def _materialization(told: Mapping[str, Any]) -> tuple[Any, Any]:
    said = dagster.AssetMaterialization(**_said(told))
    return Type.ASSET_MATERIALIZATION, compat.StepMaterializationData(said)


def _observation(told: Mapping[str, Any]) -> tuple[Any, Any]:
    said = dagster.AssetObservation(**_said(told))
    return Type.ASSET_OBSERVATION, compat.AssetObservationData(said)


def _said(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "asset_key": dagster.AssetKey.from_user_string(told["asset"]),
        "description": told["description"],
        "metadata": metadata_values(told["metadata"]),
        "partition": told["partition"],
        "tags": dict(told["tags"] or {}),
    }


def _check(told: Mapping[str, Any]) -> tuple[Any, Any]:
    said = compat.check_evaluation(
        told.get("partition"),
        asset_key=dagster.AssetKey.from_user_string(told["asset"]),
        check_name=told["check"],
        passed=told["passed"],
        metadata=metadata_values(told["metadata"]),
        severity=dagster.AssetCheckSeverity(told["severity"] or "ERROR"),
        description=told["description"],
    )
    return Type.ASSET_CHECK_EVALUATION, said


_MAKE = {"MATERIALIZATION": _materialization, "OBSERVATION": _observation, "CHECK": _check}


def metadata_values(told: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Returns metadata as Dagster's values, in the order in which it was given."""
    return {entry["label"]: _value(entry["kind"], entry["value"]) for entry in told or ()}


def _value(kind: str, value: Any) -> Any:
    make = _VALUES.get(kind)
    if make is not None:
        return make(value)
    # Of what Pointsman has no word for, there is a text or the JSON of it.
    if isinstance(value, (dict, list)):
        return dagster.MetadataValue.json(value)
    return dagster.MetadataValue.text("" if value is None else str(value))


def _table(value: Mapping[str, Any]) -> Any:
    columns = [dagster.TableColumn(name=name) for name in value["columns"]]
    records = [dagster.TableRecord(data=row) for row in value["rows"]]
    return dagster.MetadataValue.table(records, schema=dagster.TableSchema(columns=columns))


_VALUES = {
    "text": dagster.MetadataValue.text,
    "url": dagster.MetadataValue.url,
    "path": dagster.MetadataValue.path,
    "json": dagster.MetadataValue.json,
    "markdown": dagster.MetadataValue.md,
    # What is no number is told as its name.
    "float": lambda value: dagster.MetadataValue.float(float(value)),
    "int": dagster.MetadataValue.int,
    "bool": dagster.MetadataValue.bool,
    "table": _table,
    "asset": lambda value: dagster.MetadataValue.asset(dagster.AssetKey.from_user_string(value)),
    "null": lambda _value: dagster.MetadataValue.null(),
}

"""Dagster's metadata values in our vocabulary: a label, a kind, and a value that is plain JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

# A table of metadata is looked at by people: more rows than this are said to be there.
MAX_TABLE_ROWS = 1000

_KINDS = {
    "TextMetadataValue": "text",
    "UrlMetadataValue": "url",
    "PathMetadataValue": "path",
    "NotebookMetadataValue": "path",
    "JsonMetadataValue": "json",
    "MarkdownMetadataValue": "markdown",
    "FloatMetadataValue": "float",
    "IntMetadataValue": "int",
    "BoolMetadataValue": "bool",
    "TableMetadataValue": "table",
    "DagsterAssetMetadataValue": "asset",
    "NullMetadataValue": "null",
    "TableSchemaMetadataValue": "json",
    "TableColumnLineageMetadataValue": "json",
}


def metadata_json(metadata: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Returns metadata as a list, in the order in which it was given."""
    return [_entry(label, value) for label, value in (metadata or {}).items()]


def _entry(label: str, value: Any) -> dict[str, Any]:
    name = type(value).__name__
    told = _SPECIAL.get(name, _plain_value)(value)
    return {"label": label, "kind": _KINDS.get(name, "other"), "value": told}


def _plain_value(value: Any) -> Any:
    return plain(getattr(value, "value", value))


def _table(value: Any) -> dict[str, Any]:
    columns = [column.name for column in value.schema.columns]
    rows = [plain(dict(record.data)) for record in value.records[:MAX_TABLE_ROWS]]
    return {"columns": columns, "rows": rows, "row_count": len(value.records)}


def _schema(value: Any) -> dict[str, Any]:
    columns = value.schema.columns
    told = [{"name": c.name, "type": c.type, "description": c.description} for c in columns]
    return {"columns": told}


def _lineage(value: Any) -> dict[str, Any]:
    return {
        column: [
            {"asset": dep.asset_key.to_user_string(), "column": dep.column_name} for dep in deps
        ]
        for column, deps in value.column_lineage.deps_by_column.items()
    }


# What says its content otherwise than by a plain `value`.
_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "DagsterAssetMetadataValue": lambda value: value.asset_key.to_user_string(),
    "NullMetadataValue": lambda _value: None,
    "TableColumnLineageMetadataValue": _lineage,
    "TableMetadataValue": _table,
    "TableSchemaMetadataValue": _schema,
}


def plain(value: Any) -> Any:
    """Returns a value as JSON can say it; what JSON cannot say becomes text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        # JSON has no words for what is no number.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    # Records of Dagster's are tuples that refuse to be walked through.
    is_record = hasattr(value, "_fields")
    if isinstance(value, (list, tuple, set, frozenset)) and not is_record:
        return [plain(item) for item in value]
    return str(value)

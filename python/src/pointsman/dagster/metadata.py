"""Dagster's metadata values in our vocabulary: a label, a kind, and a value that is plain JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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
    "TimestampMetadataValue": "other",
}


def metadata_json(metadata: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Returns metadata as a list, in the order in which it was given."""
    return [_entry(label, value) for label, value in (metadata or {}).items()]


def _entry(label: str, value: Any) -> dict[str, Any]:
    kind = _KINDS.get(type(value).__name__, "other")
    if kind == "table":
        return {"label": label, "kind": kind, "value": _table(value)}
    if kind == "asset":
        return {"label": label, "kind": kind, "value": value.asset_key.to_user_string()}
    if kind == "null":
        return {"label": label, "kind": kind, "value": None}
    return {"label": label, "kind": kind, "value": plain(getattr(value, "value", str(value)))}


def _table(value: Any) -> dict[str, Any]:
    columns = [column.name for column in value.schema.columns]
    rows = [plain(dict(record.data)) for record in value.records[:MAX_TABLE_ROWS]]
    return {"columns": columns, "rows": rows, "row_count": len(value.records)}


def plain(value: Any) -> Any:
    """Returns a value as JSON can say it; what JSON cannot say becomes text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        # JSON has no words for what is no number.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return str(value)

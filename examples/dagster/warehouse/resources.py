"""Where rows come from, and the two ways in which what is made of them is kept."""

import json
from pathlib import Path
from typing import Any, Union

import dagster as dg

Row = dict[str, Any]
Context = Union[dg.InputContext, dg.OutputContext]


class Source(dg.ConfigurableResource):
    """Stands for a database: as many rows for each table and day, one of them of no use."""

    rows: int = 5

    def read(self, table: str, day: Union[str, None]) -> list[Row]:
        said = {"table": table, "day": day}
        return [{**said, "number": number, "amount": number} for number in range(self.rows)]


class Files(dg.ConfigurableIOManager):
    """Keeps each asset, or each partition of it, in a file of a folder."""

    folder: str

    def path(self, context: Context, ending: str) -> Path:
        partition = [context.asset_partition_key] if context.has_asset_partitions else []
        path = Path(self.folder, *context.asset_key.path, *partition)
        return path.with_name(f"{path.name}.{ending}")

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Rows(Files):
    """Rows as JSON."""

    def handle_output(self, context: dg.OutputContext, obj: list[Row]) -> None:
        self.write(self.path(context, "json"), json.dumps(obj))

    def load_input(self, context: dg.InputContext) -> list[Row]:
        return json.loads(self.path(context, "json").read_text())


class Texts(Files):
    """Text as it is."""

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        self.write(self.path(context, "md"), obj)

    def load_input(self, context: dg.InputContext) -> str:
        return self.path(context, "md").read_text()

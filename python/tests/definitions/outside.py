"""What leaves the process of a step: the user's own storage, other processes, data versions."""

import json
import os
import sys
from pathlib import Path

import dagster as dg


class JsonFiles(dg.ConfigurableIOManager):
    """Keeps values as JSON in a folder of the user's choice."""

    folder: str

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        path = Path(self.folder) / "_".join(context.asset_key.path)
        path.write_text(json.dumps(obj))

    def load_input(self, context: dg.InputContext) -> object:
        return json.loads((Path(self.folder) / "_".join(context.asset_key.path)).read_text())


@dg.asset(io_manager_key="json_files")
def kept() -> dict:
    return {"rows": 3}


@dg.asset
def read_again(context: dg.AssetExecutionContext, kept: dict) -> None:
    context.log.info(f"read {kept}")


@dg.asset(deps=[kept], code_version="2")
def versioned() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("mine"))


OTHER_PROCESS = """
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    pipes.log.info("from the other process")
    pipes.report_asset_materialization(metadata={"rows": 4})
"""


@dg.asset(deps=[kept])
def by_another_process(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient):
    command = [sys.executable, "-c", OTHER_PROCESS]
    return pipes.run(command=command, context=context).get_results()


@dg.op
def gives() -> int:
    return 1


@dg.op
def takes(value: int) -> None: ...


@dg.job(resource_defs={"io_manager": dg.InMemoryIOManager()})
def in_memory_object():
    takes(gives())


defs = dg.Definitions(
    assets=[kept, read_again, versioned, by_another_process],
    jobs=[in_memory_object],
    resources={
        "json_files": JsonFiles(folder=os.environ.get("JSON_FOLDER", ".")),
        "pipes": dg.PipesSubprocessClient(),
    },
)

"""The project as Dagster loads it."""

import dagster as dg

from warehouse.assets import GROUPS, assets, every_table_is_summed
from warehouse.resources import Rows, Source, Texts

FOLDER = dg.EnvVar("WAREHOUSE_FOLDER")

jobs = [
    dg.define_asset_job(
        f"refresh_{group}", selection=dg.AssetSelection.groups(group), tags={"team": group}
    )
    for group in GROUPS
]
# So much is made faster by one process than by a hundred.
everything = dg.define_asset_job("everything", executor_def=dg.in_process_executor)

defs = dg.Definitions(
    assets=assets,
    asset_checks=[every_table_is_summed],
    jobs=[*jobs, everything],
    resources={"source": Source(), "rows": Rows(folder=FOLDER), "texts": Texts(folder=FOLDER)},
)

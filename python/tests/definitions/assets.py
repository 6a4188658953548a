"""The shapes of assets: partitions, several from one op, checks, graphs, other's assets."""

import dagster as dg

days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-01-05")
regions = dg.StaticPartitionsDefinition(["north", "south"])
customers = dg.DynamicPartitionsDefinition(name="customers")


@dg.asset(partitions_def=days, pool="warehouse", kinds={"sql"}, group_name="daily")
def orders(context: dg.AssetExecutionContext) -> str:
    """Every order of a day."""
    return f"orders of {context.partition_key}"


@dg.asset(partitions_def=days, group_name="daily")
def report(context: dg.AssetExecutionContext, orders: str) -> dg.MaterializeResult:
    context.log.info(f"read: {orders}")
    return dg.MaterializeResult(
        metadata={
            "rows": 3,
            "share": 0.5,
            "broken": float("nan"),
            "page": dg.MetadataValue.url("http://localhost/report"),
            "notes": dg.MetadataValue.md("**good**"),
            "raw": {"a": [1, None]},
            "is_late": False,
            "source": dg.AssetKey(["orders"]),
            "dagster/column_schema": dg.TableSchema([dg.TableColumn("id", "int")]),
            "dagster/column_lineage": dg.TableColumnLineage(
                {"id": [dg.TableColumnDep(dg.AssetKey("orders"), "number")]}
            ),
            "sample": dg.MetadataValue.table([dg.TableRecord({"id": 1})]),
            "code": dg.MetadataValue.python_artifact(dg.AssetKey),
        }
    )


@dg.asset(partitions_def=dg.MultiPartitionsDefinition({"day": days, "region": regions}))
def by_region(context: dg.AssetExecutionContext) -> None:
    context.log.info(f"{context.partition_key.keys_by_dimension}")


@dg.asset(partitions_def=customers)
def invoices(context: dg.AssetExecutionContext) -> str:
    return f"invoices of {context.partition_key}"


@dg.multi_asset(
    specs=[dg.AssetSpec("left"), dg.AssetSpec(["deep", "right"], deps=["left"])],
    can_subset=True,
)
def both(context: dg.AssetExecutionContext):
    for key in sorted(context.selected_asset_keys, reverse=True):
        yield dg.MaterializeResult(asset_key=key, metadata={"which": key.to_user_string()})


@dg.asset_check(asset="left")
def left_is_small() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"seen": 12}
    )


@dg.op(pool="bar")
def fetch() -> int:
    return 20


@dg.op(pool="barbar")
def clean(value: int) -> int:
    return value + 1


@dg.graph_asset
def cleaned():
    return clean(fetch())


@dg.asset
def one() -> int:
    return 1


@dg.asset(deps=["elsewhere"])
def two(context: dg.AssetExecutionContext, one: int) -> int:
    context.log.info(f"one is {one}")
    return one + 1


elsewhere = dg.AssetSpec("elsewhere", description="Made by somebody else.")


def config_of_day(day: str) -> dict:
    return {"ops": {"prints_day": {"config": {"text": f"day {day}"}}}}


@dg.op(config_schema={"text": str})
def prints_day(context: dg.OpExecutionContext) -> None:
    context.log.info(context.op_config["text"])


@dg.job(
    config=dg.PartitionedConfig(partitions_def=days, run_config_for_partition_key_fn=config_of_day)
)
def daily_ops():
    prints_day()


defs = dg.Definitions(
    assets=[orders, report, by_region, invoices, both, cleaned, one, two, elsewhere],
    asset_checks=[left_is_small],
    jobs=[
        daily_ops,
        dg.define_asset_job("daily", [orders, report], partitions_def=days),
        dg.define_asset_job("simple", ["one", "two", "cleaned"], tags={"team": "docs"}),
    ],
)

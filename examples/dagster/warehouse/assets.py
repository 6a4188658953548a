"""The assets: in each group four tables as they come, the same four cleaned, a summary and a report."""

from typing import Any

import dagster as dg

from warehouse.resources import Row, Source

GROUPS = (
    "customers",
    "finance",
    "marketing",
    "people",
    "sales",
    "shipping",
    "stock",
    "suppliers",
    "support",
    "web",
)
TABLES = ("accounts", "events", "items", "notes")

days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-02-01")

# These come as a whole, not day by day.
WITHOUT_DAYS = ("people", "suppliers")


def group(name: str) -> list[dg.AssetsDefinition]:
    """Returns the ten assets of a group."""
    common = {
        "group_name": name,
        "key_prefix": name,
        "partitions_def": None if name in WITHOUT_DAYS else days,
    }
    tables = [table(name, each, common) for each in TABLES]
    cleaned = [clean(name, each, common) for each in TABLES]
    return [*tables, *cleaned, summary(name, common), report(common)]


def table(group_name: str, name: str, common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(name=name, io_manager_key="rows", pool="source", kinds={"table"}, **common)
    def read(context: dg.AssetExecutionContext, source: Source) -> list[Row]:
        day = context.partition_key if context.has_partition_key else None
        return source.read(f"{group_name}.{name}", day)

    return read


def clean(group_name: str, name: str, common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"clean_{name}",
        ins={"rows": dg.AssetIn([group_name, name])},
        io_manager_key="rows",
        retry_policy=dg.RetryPolicy(max_retries=2, delay=1),
        **common,
    )
    def cleaned(context: dg.AssetExecutionContext, rows: list[Row]) -> list[Row]:
        kept = [row for row in rows if row["amount"] > 0]
        context.add_output_metadata({"dagster/row_count": len(kept)})
        return kept

    return cleaned


def summary(group_name: str, common: dict[str, Any]) -> dg.AssetsDefinition:
    ins = {table: dg.AssetIn([group_name, f"clean_{table}"]) for table in TABLES}

    @dg.asset(name="summary", ins=ins, io_manager_key="rows", **common)
    def sums(
        accounts: list[Row], events: list[Row], items: list[Row], notes: list[Row]
    ) -> list[Row]:
        tables = zip(TABLES, (accounts, events, items, notes))
        return [{"table": name, "amount": sum(r["amount"] for r in rows)} for name, rows in tables]

    return sums


def report(common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(name="report", io_manager_key="texts", **common)
    def written(context: dg.AssetExecutionContext, summary: list[Row]) -> str:
        lines = [f"{row['table']}: {row['amount']}" for row in summary]
        return "\n".join([f"# {context.asset_key.to_user_string()}", *lines, ""])

    return written


@dg.asset_check(asset=["people", "summary"])
def every_table_is_summed(summary: list[Row]) -> dg.AssetCheckResult:
    tables = [row["table"] for row in summary]
    return dg.AssetCheckResult(passed=tables == list(TABLES), metadata={"tables": len(tables)})


assets = [asset for name in GROUPS for asset in group(name)]

"""Schedules and sensors, and what they ask about other runs."""

from datetime import timedelta
from typing import Optional

import dagster as dg


@dg.op(config_schema={"day": str})
def prints_day(context: dg.OpExecutionContext) -> None:
    context.log.info(context.op_config["day"])


@dg.op
def counts(context: dg.OpExecutionContext) -> None:
    running = context.instance.get_run_records(
        dg.RunsFilter(job_name="daily", statuses=[dg.DagsterRunStatus.STARTED])
    )
    context.log.info(f"{len(running)} running: {[r.dagster_run.run_id for r in running]}")


@dg.op
def looks_at_itself(context: dg.OpExecutionContext) -> None:
    run = context.instance.get_run_by_id(context.run_id)
    context.log.info(f"{run.job_name} {run.tags}")


@dg.op
def finds_the_instance(context: dg.OpExecutionContext) -> None:
    context.log.info(f"the same: {dg.DagsterInstance.get() is context.instance}")


@dg.op
def asks_for_the_latest(context: dg.OpExecutionContext) -> None:
    context.instance.get_latest_materialization_event(dg.AssetKey("orders"))


@dg.op
def asks_for_records(context: dg.OpExecutionContext) -> None:
    context.instance.get_asset_records([dg.AssetKey("orders")])


@dg.op
def asks_for_partitions(context: dg.OpExecutionContext) -> None:
    context.instance.get_dynamic_partitions("customers")


@dg.op
def asks_for_everything(context: dg.OpExecutionContext) -> None:
    context.instance.get_asset_records()


@dg.op
def asks_for_all_keys(context: dg.OpExecutionContext) -> None:
    context.instance.get_asset_keys()


@dg.op
def asks_for_cursors(context: dg.OpExecutionContext) -> None:
    context.instance.daemon_cursor_storage.get_cursor_values({"seen"})


@dg.op
def asks_for_ticks(context: dg.OpExecutionContext) -> None:
    context.instance.get_ticks("origin", "selector")


@dg.op
def asks_for_state_of_checks(context: dg.OpExecutionContext) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("orders"), "has_rows")
    context.instance.event_log_storage.get_checkpointed_asset_check_state([key])


@dg.op
def asks_for_prints(context: dg.OpExecutionContext) -> None:
    context.instance.compute_log_manager.get_log_data([context.run_id, "compute_logs", "counts"])


@dg.op
def reads_assets(context: dg.OpExecutionContext) -> None:
    orders, nothing = dg.AssetKey("orders"), dg.AssetKey(["raw", "nothing"])
    entry = context.instance.get_latest_materialization_event(orders)
    made = entry.asset_materialization
    metadata = {label: (type(v).__name__, v.value) for label, v in made.metadata.items()}
    context.log.info(f"{entry.run_id} {entry.timestamp} {made.partition} {made.tags}")
    context.log.info(f"{metadata}")
    assert context.instance.get_latest_materialization_event(nothing) is None
    assert not context.instance.has_asset_key(nothing)
    [record] = context.instance.get_asset_records([orders, nothing])
    entry = record.asset_entry
    context.log.info(f"{entry.last_materialization_record.storage_id} {entry.last_run_id}")
    context.log.info(f"{sorted(context.instance.get_materialized_partitions(orders))}")


@dg.op
def pages_events(context: dg.OpExecutionContext) -> None:
    orders = dg.AssetKey("orders")
    first = context.instance.fetch_materializations(orders, limit=2)
    then = context.instance.fetch_materializations(orders, limit=2, cursor=first.cursor)
    numbers = [[r.storage_id for r in page.records] for page in (first, then)]
    context.log.info(f"{numbers} {first.has_more} {then.has_more}")
    up = context.instance.fetch_materializations(orders, limit=9, ascending=True).records
    context.log.info(f"{[record.storage_id for record in up]}")
    seen = context.instance.fetch_observations(orders, limit=5).records
    context.log.info(f"{[record.asset_observation.metadata['rows'].value for record in seen]}")
    of_two = context.instance.get_event_records(
        dg.EventRecordsFilter(
            dg.DagsterEventType.ASSET_MATERIALIZATION, orders, asset_partitions=["one", "two"]
        )
    )
    context.log.info(f"{[(record.partition_key, record.storage_id) for record in of_two]}")
    later = dg.AssetRecordsFilter(orders, after_timestamp=of_two[-1].timestamp)
    late = context.instance.fetch_materializations(later, limit=5).records
    context.log.info(f"{[record.storage_id for record in late]}")


@dg.op
def reads_checks(context: dg.OpExecutionContext) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("orders"), "has_rows")
    record = context.instance.get_latest_asset_check_evaluation_record(key)
    data = record.event.dagster_event.event_specific_data
    context.log.info(f"{record.status.value} {data.severity.value} {data.metadata['rows'].value}")
    other = dg.AssetCheckKey(dg.AssetKey("orders"), "other")
    assert context.instance.get_latest_asset_check_evaluation_record(other) is None
    told = context.instance.event_log_storage.get_asset_check_execution_history(key, limit=5)
    context.log.info(f"{[record.id for record in told]}")


@dg.op
def changes_partitions(context: dg.OpExecutionContext) -> None:
    instance = context.instance
    instance.add_dynamic_partitions("customers", ["acme", "initech", "acme"])
    instance.delete_dynamic_partition("customers", "old one")
    keys = instance.get_dynamic_partitions("customers")
    has = [instance.has_dynamic_partition("customers", key) for key in ("acme", "old one")]
    customers = dg.DynamicPartitionsDefinition(name="customers")
    said = customers.get_partition_keys(dynamic_partitions_store=instance)
    context.log.info(f"{keys} {has} {said == keys}")


@dg.op
def launches(context: dg.OpExecutionContext) -> None:
    context.instance.submit_run(context.run_id, None)


@dg.op
def tags_itself(context: dg.OpExecutionContext) -> None:
    context.instance.add_run_tags(context.run_id, {"rows": "3"})
    context.log.info(f"{context.instance.get_run_by_id(context.run_id).tags}")


@dg.op
def reads_config_of_others(context: dg.OpExecutionContext) -> None:
    for run in context.instance.get_runs(dg.RunsFilter(tags={"team": "docs"}), limit=1):
        context.log.info(f"{run.status.value} {run.run_config}")
    context.log.info(f"count {context.instance.get_runs_count()}")


@dg.op
def filters_runs(context: dg.OpExecutionContext) -> None:
    def told(cursor: Optional[str], **wanted: object) -> list:
        runs = context.instance.get_runs(dg.RunsFilter(**wanted), cursor=cursor)
        return [run.run_id for run in runs]

    everything = told(None)
    context.log.info(f"{everything} {told(None, exclude_subruns=True)}")
    context.log.info(f"{told(everything[1], run_ids=everything)}")


@dg.job
def questions():
    counts()
    looks_at_itself()
    finds_the_instance()
    asks_for_the_latest()
    asks_for_records()
    asks_for_partitions()
    asks_for_everything()
    asks_for_all_keys()
    asks_for_cursors()
    asks_for_ticks()
    asks_for_state_of_checks()
    asks_for_prints()
    reads_assets()
    pages_events()
    reads_checks()
    changes_partitions()
    launches()
    tags_itself()
    reads_config_of_others()
    filters_runs()


days = dg.DailyPartitionsDefinition(start_date="2026-01-01")


def config_of_day(day: str) -> dict:
    return {"ops": {"prints_day": {"config": {"day": day}}}}


@dg.job(
    config=dg.PartitionedConfig(partitions_def=days, run_config_for_partition_key_fn=config_of_day),
    tags={"dagster/priority": "3"},
)
def daily():
    prints_day()


customers = dg.DynamicPartitionsDefinition(name="customers")
by_day_and_customer = dg.MultiPartitionsDefinition({"day": days, "customer": customers})


@dg.asset(partitions_def=customers)
def invoices(context: dg.AssetExecutionContext) -> None:
    context.log.info(f"invoices of {context.partition_key}")


@dg.asset(partitions_def=by_day_and_customer)
def visits() -> None: ...


invoicing = dg.define_asset_job("invoicing", [invoices])
visiting = dg.define_asset_job("visiting", [visits])


@dg.schedule(
    job=daily,
    cron_schedule=["0 3 * * *", "0 15 * * *"],
    execution_timezone="Europe/Berlin",
    tags={"dagster/priority": "-1", "by": "schedule"},
)
def one_at_a_time(context: dg.ScheduleEvaluationContext):
    running = context.instance.get_run_records(
        dg.RunsFilter(job_name="daily", statuses=[dg.DagsterRunStatus.STARTED])
    )
    if running:
        return dg.SkipReason(f"{len(running)} is running")
    at = context.scheduled_execution_time
    context.log.info(f"tick of {at.isoformat()}")
    day_before = at - timedelta(days=1)
    return dg.RunRequest(partition_key=day_before.strftime("%Y-%m-%d"), tags={"by": "request"})


@dg.schedule(job=daily, cron_schedule="@daily", tags={"dagster/priority": "7"})
def by_config(_context):
    return config_of_day("2026-01-03")


@dg.schedule(job=daily, cron_schedule="@hourly")
def broken(_context):
    raise ValueError("no such table")


@dg.schedule(job=daily, cron_schedule="@hourly")
def leaves(_context):
    import os

    os._exit(9)


@dg.schedule(job=daily, cron_schedule="@hourly")
def says_nothing(_context): ...


@dg.sensor(jobs=[daily, questions], minimum_interval_seconds=45)
def files(context: dg.SensorEvaluationContext):
    seen = int(context.cursor or 0)
    context.update_cursor(str(seen + 2))
    yield dg.RunRequest(run_key=f"file-{seen}", job_name="questions")
    yield dg.RunRequest(run_key=f"file-{seen + 1}", job_name="daily", partition_key="2026-01-05")


@dg.sensor(job=daily)
def adds_partitions(_context):
    customers = dg.DynamicPartitionsDefinition(name="customers")
    return dg.SensorResult(dynamic_partitions_requests=[customers.build_add_request(["acme"])])


@dg.asset_sensor(asset_key=dg.AssetKey("orders"), job=daily)
def after_orders(_context, _event): ...


@dg.run_failure_sensor
def after_failures(_context): ...


defs = dg.Definitions(
    assets=[invoices, visits],
    jobs=[daily, questions, invoicing, visiting],
    schedules=[one_at_a_time, by_config, broken, leaves, says_nothing],
    sensors=[files, adds_partitions, after_orders, after_failures],
)

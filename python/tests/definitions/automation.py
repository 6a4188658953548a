"""Schedules and sensors, and what they ask about other runs."""

from datetime import timedelta

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


@dg.job
def questions():
    counts()
    looks_at_itself()
    finds_the_instance()
    asks_for_the_latest()
    asks_for_records()
    asks_for_partitions()
    launches()
    tags_itself()
    reads_config_of_others()


days = dg.DailyPartitionsDefinition(start_date="2026-01-01")


def config_of_day(day: str) -> dict:
    return {"ops": {"prints_day": {"config": {"day": day}}}}


@dg.job(
    config=dg.PartitionedConfig(partitions_def=days, run_config_for_partition_key_fn=config_of_day),
    tags={"dagster/priority": "3"},
)
def daily():
    prints_day()


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
    jobs=[daily, questions],
    schedules=[one_at_a_time, by_config, broken, leaves, says_nothing],
    sensors=[files, adds_partitions, after_orders, after_failures],
)

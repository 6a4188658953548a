"""Pools, priorities and a graph of ops, as Dagster definitions that Pointsman runs as they are.

    pointsman dev -f examples/dagster/definitions.py
    pointsman instance concurrency set warehouse 1
    pointsman job launch -j refresh --wait
"""

import time

import dagster as dg


class Pause(dg.Config):
    """How long the work takes, in seconds."""

    seconds: float = 0.5


# --- Assets that share a pool: however many runs there are, one of them at a time uses the warehouse
# once `warehouse` has a limit of 1.


@dg.asset(pool="warehouse")
def orders(context: dg.AssetExecutionContext) -> list[int]:
    context.log.info("reading the orders")
    time.sleep(0.5)
    return [3, 1, 2]


@dg.asset(pool="warehouse")
def customers() -> list[str]:
    time.sleep(0.5)
    return ["ada", "bob"]


@dg.asset
def report(context: dg.AssetExecutionContext, orders: list[int], customers: list[str]) -> str:
    text = f"{sum(orders)} orders of {len(customers)} customers"
    context.log.info(text)
    return text


# --- Ops of a graph asset: the pool belongs to the op that needs it.


@dg.op(pool="warehouse")
def load_numbers() -> list[int]:
    return list(range(10))


@dg.op
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


@dg.graph_asset
def total() -> int:
    return add_up(load_numbers())


refresh = dg.define_asset_job("refresh", selection=["orders", "customers", "report"])
totals = dg.define_asset_job("totals", selection=["total"], tags={"dagster/priority": "-1"})


# --- Jobs with priorities: of those that wait, the larger one goes first.


@dg.op
def nap(context: dg.OpExecutionContext, config: Pause) -> None:
    context.log.info(f"sleeping for {config.seconds} s")
    time.sleep(config.seconds)


@dg.job(tags={"dagster/priority": "10"})
def urgent() -> None:
    nap()


@dg.job(tags={"dagster/priority": "1"})
def ordinary() -> None:
    nap()


# --- A graph whose shape is found while it runs, with a branch that is not always taken.


@dg.op(out=dg.DynamicOut(str))
def list_files() -> object:
    for name in ("a", "b", "c"):
        yield dg.DynamicOutput(name, mapping_key=name)


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=0.2))
def measure(context: dg.OpExecutionContext, name: str) -> int:
    if name == "b" and context.retry_number == 0:
        raise RuntimeError("the file is not there yet")
    return ord(name)


@dg.op(out={"small": dg.Out(is_required=False), "large": dg.Out(is_required=False)})
def judge(sizes: list[int]) -> object:
    if sum(sizes) > 1000:
        yield dg.Output(sum(sizes), "large")
    else:
        yield dg.Output(sum(sizes), "small")


@dg.op
def keep(context: dg.OpExecutionContext, size: int) -> None:
    context.log.info(f"kept {size}")


@dg.op
def split(size: int) -> None:
    raise RuntimeError(f"{size} is never that large")


@dg.job
def measure_files() -> None:
    small, large = judge(list_files().map(measure).collect())
    keep(small)
    split(large)


# --- A job that does nothing while another run of it is in progress: it asks which runs there are, and
# the output that the long step waits for does not come.


@dg.op(out=dg.Out(dg.Nothing, is_required=False))
def nobody_else(context: dg.OpExecutionContext) -> object:
    in_progress = dg.RunsFilter(job_name=context.job_name, statuses=[dg.DagsterRunStatus.STARTED])
    runs = [record.dagster_run.run_id for record in context.instance.get_run_records(in_progress)]
    others = [run for run in runs if run != context.run_id]
    if others:
        context.log.info(f"another run is in progress: {others[0]}")
    else:
        yield dg.Output(None)


@dg.op(ins={"start": dg.In(dg.Nothing)})
def copy_slowly(config: Pause) -> None:
    time.sleep(config.seconds)


@dg.job
def one_at_a_time() -> None:
    copy_slowly(nobody_else())


defs = dg.Definitions(
    assets=[orders, customers, report, total],
    jobs=[refresh, totals, urgent, ordinary, measure_files, one_at_a_time],
)

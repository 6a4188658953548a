"""The shapes of jobs of ops: retries, dynamic outputs, nested graphs, choices, config, limits."""

import os
import sys

import dagster as dg


@dg.op
def opens(context: dg.OpExecutionContext) -> int:
    try:
        {}["customers"]
    except KeyError as error:
        raise ValueError("the table is not there") from error
    return 1


@dg.op
def after_it(value: int) -> int:
    return value


@dg.job
def fails_with_causes():
    after_it(opens())


@dg.op(
    retry_policy=dg.RetryPolicy(
        max_retries=2, delay=0.5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
    )
)
def third_time(context: dg.OpExecutionContext) -> int:
    if context.retry_number < 2:
        raise RuntimeError(f"not yet at {context.retry_number}")
    return context.retry_number


@dg.op
def asks_again(context: dg.OpExecutionContext) -> None:
    if context.retry_number == 0:
        raise dg.RetryRequested(max_retries=1, seconds_to_wait=7)


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def never_again() -> None:
    raise dg.Failure("no use", metadata={"rows": 3}, allow_retries=False)


@dg.job
def retries():
    third_time()
    asks_again()
    never_again()


@dg.job(executor_def=dg.multiprocess_executor.configured({"retries": {"disabled": {}}}))
def retries_off():
    third_time()


@dg.op(out=dg.DynamicOut(int))
def fan():
    for number in range(3):
        yield dg.DynamicOutput(number, mapping_key=f"k{number}")


@dg.op
def tripled(number: int) -> int:
    return number * 3


@dg.op
def total(context: dg.OpExecutionContext, numbers: list) -> int:
    context.log.info(f"total {sum(numbers)}")
    return sum(numbers)


@dg.job
def dynamic():
    total(fan().map(tripled).collect())


@dg.graph
def inner(value):
    return tripled(tripled(value))


@dg.graph
def outer(value):
    return inner(value)


@dg.op
def five() -> int:
    return 5


@dg.job
def nested():
    outer(five())


@dg.op(out={"left": dg.Out(is_required=False), "right": dg.Out(is_required=False)})
def chooses():
    yield dg.Output(1, "right")


@dg.op
def gathers(context: dg.OpExecutionContext, values: list) -> None:
    context.log.info(f"gathered {values}")


@dg.job
def choice():
    left, right = chooses()
    tripled.alias("on_the_left")(left)
    tripled.alias("on_the_right")(right)
    gathers([left, right])


class Warehouse(dg.ConfigurableResource):
    host: str
    port: int = 5432


class Query(dg.Config):
    table: str
    limit: int = 10


@dg.op
def reads(context: dg.OpExecutionContext, config: Query, warehouse: Warehouse) -> str:
    return f"{config.table} of {warehouse.host}:{warehouse.port}, {config.limit} rows"


@dg.op
def says(context: dg.OpExecutionContext, text: str) -> None:
    context.log.warning(text)


@dg.job
def configured():
    says(reads())


@dg.op(pool="database", tags={"dagster/priority": "7", "kind": "heavy"})
def first() -> int:
    return 1


@dg.op(tags={"dagster/concurrency_key": "old/name", "dagster/priority": "soon"})
def second() -> int:
    return 2


@dg.job(
    tags={"dagster/priority": "3"},
    executor_def=dg.multiprocess_executor.configured(
        {
            "max_concurrent": 2,
            "tag_concurrency_limits": [{"key": "kind", "value": "heavy", "limit": 1}],
        }
    ),
)
def limited():
    first()
    second()


@dg.job(executor_def=dg.in_process_executor)
def in_one_process():
    after_it(five())


@dg.job(resource_defs={"io_manager": dg.mem_io_manager})
def in_memory():
    after_it(five())


@dg.op
def exits() -> None:
    sys.exit(5)


@dg.op
def vanishes() -> None:
    os._exit(0)


@dg.job
def leaves():
    exits()
    vanishes()


defs = dg.Definitions(
    jobs=[
        choice,
        configured,
        dynamic,
        fails_with_causes,
        in_memory,
        in_one_process,
        leaves,
        limited,
        nested,
        retries,
        retries_off,
    ],
    resources={"warehouse": Warehouse(host=dg.EnvVar("WAREHOUSE_HOST"))},
)

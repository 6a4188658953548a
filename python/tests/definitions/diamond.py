"""Values that go two ways and meet again."""

import dagster as dg


@dg.op
def source(context: dg.OpExecutionContext) -> int:
    context.log.info("the source gives 1")
    print("printed on stdout")
    return 1


@dg.op
def doubled(value: int) -> int:
    return value * 2


@dg.op
def with_ten(value: int) -> int:
    return value + 10


@dg.op
def joined(context: dg.OpExecutionContext, left: int, right: int) -> str:
    text = f"{left} and {right}"
    context.add_output_metadata({"joined": text})
    return text


@dg.job(tags={"team": "docs"})
def diamond():
    value = source()
    joined(doubled(value), with_ten(value))


defs = dg.Definitions(jobs=[diamond])

"""A job of one step and a job of ten, which do nothing: what is measured is what carries them."""

import dagster as dg


@dg.op
def begin() -> int:
    return 1


@dg.op
def middle(value: int) -> int:
    return value


@dg.op
def end(values: list) -> int:
    return sum(values)


@dg.job
def one_step():
    begin()


@dg.job
def ten_steps():
    value = begin()
    end([middle.alias(f"middle_{number}")(value) for number in range(8)])


defs = dg.Definitions(jobs=[one_step, ten_steps])

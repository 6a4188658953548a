"""A project of a hundred assets in ten groups, with partitions, a resource and two IO managers.

    cd examples/dagster
    WAREHOUSE_FOLDER=~/warehouse pointsman dev -m warehouse.definitions
    pointsman asset materialize people/clean_notes people/notes --wait
    pointsman job launch -j everything --tag dagster/partition=2026-01-05 --wait
"""

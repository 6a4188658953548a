"""Pointsman: decides which run may start, when, and says why not yet.

The program itself is the binary that is installed beside this package. In Python there is only what
must be Python: `pointsman.dagster`, by which the program loads and executes Dagster definitions.
"""

"""What the program runs to load and execute Dagster definitions (`python -m pointsman.dagster`).

Importing this package imports no Dagster: that costs most of a second and belongs to `__main__`.
"""

from pointsman.dagster.errors import NotAnswered

__all__ = ["NotAnswered"]

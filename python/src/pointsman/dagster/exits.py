"""The exit codes of this package's processes."""

from __future__ import annotations

DONE = 0
DIED = 1
CANNOT_LOAD = 3
CANNOT_UNDERSTAND = 4

# Of a server: its code has changed, and is to be loaded again.
CHANGED = 5

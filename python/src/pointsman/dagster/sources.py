"""The files that code was loaded from, and whether it would be loaded differently now.

Every module that was imported counts, of the user and of libraries, but for Python's own and ours,
and so does the file `.env`. Files that the code reads otherwise while it is loaded are not known.
"""

from __future__ import annotations

import os
import sys

from pointsman.dagster.load import folder_of

# What changes when a file is saved, replaced or given an older time: time of change, size, number.
_State = tuple[int, int, int, int]


# The clock by which files are dated is put forward by the ticks of the kernel, of at most 10 ms.
_LAG_NS = 20_000_000


class Sources:
    """The files as they were when the code had been loaded."""

    def __init__(self, folder: str, began_ns: int) -> None:
        """Takes them down; `began_ns` is when loading began, in nanoseconds since 1970."""
        paths = {_path_of(module) for module in list(sys.modules.values())}
        paths.add(os.path.join(folder, ".env"))
        self._states = {path: _state(path) for path in paths if path and _counts(path)}
        # What was saved since then may have been read before.
        self._doubtful = [
            path for path, state in self._states.items() if state and state[1] > began_ns - _LAG_NS
        ]

    def changed(self) -> str | None:
        """Returns a file that has changed, if there is one."""
        if self._doubtful:
            return self._doubtful[0]
        for path, state in self._states.items():
            if _state(path) != state:
                return path
        return None


def _path_of(module: object) -> str | None:
    path = getattr(module, "__file__", None)
    return os.path.abspath(path) if isinstance(path, str) else None


def _counts(path: str) -> bool:
    if path.startswith(_OURS):
        return False
    is_installed = "site-packages" in path or "dist-packages" in path
    return is_installed or not path.startswith(_STANDARD_LIBRARY)


def _state(path: str) -> _State | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


_OURS = folder_of(__file__)
_STANDARD_LIBRARY = folder_of(os.__file__)

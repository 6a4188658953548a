"""A way to the daemon for the questions of user code, each with the name of the call.

What the daemon cannot answer, or nobody can ask it, is `NotAnswered`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pointsman.dagster.client import Client, ClientError
from pointsman.dagster.errors import NotAnswered


class Asking:
    """What asks the daemon, if this process was told of one."""

    def __init__(self, instance: Mapping[str, Any] | None) -> None:
        self._client = Client(instance["url"], instance.get("token_file")) if instance else None

    @contextmanager
    def asked(self, call: str) -> Iterator[Client]:
        """Gives the daemon, on behalf of a call of user code."""
        if self._client is None:
            raise NotAnswered(call, "this process was told of no daemon to ask")
        try:
            yield self._client
        except ClientError as error:
            raise NotAnswered(call, str(error)) from error

"""Answers questions about dynamic partitions from the daemon, and has it add and remove them."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.dagster.asking import Asking

# As many as the daemon takes in one request.
MAX_CHANGED = 1000


class PartitionBook(Asking):
    """All dynamic partitions, by the name of their definition."""

    def keys(self, call: str, name: str) -> list[str]:
        """Returns the keys in the order in which they were added."""
        with self.asked(call) as client:
            return list(client.partitions(name))

    def has(self, call: str, name: str, key: str) -> bool:
        """Tells whether there is a partition of this key."""
        with self.asked(call) as client:
            return client.has_partition(name, key)

    def add(self, call: str, name: str, keys: Sequence[str]) -> None:
        """Adds keys; what is there already stays where it is."""
        different = list(dict.fromkeys(keys))
        with self.asked(call) as client:
            for begin in range(0, len(different), MAX_CHANGED):
                client.change_partitions(name, add=different[begin : begin + MAX_CHANGED])

    def remove(self, call: str, name: str, key: str) -> None:
        """Removes a key, if it is there."""
        with self.asked(call) as client:
            client.change_partitions(name, remove=[key])

"""A run coordinator of Dagster's kind: it tags a run with who submitted it, and refuses the others.

A proxy that signs people in adds a header with a token (a JWT), and takes away those that came from
outside. Its signature was checked by the proxy, so that only its claims are read here.
"""

import base64
import json

from dagster import Field, QueuedRunCoordinator, StringSource


class Attribution(QueuedRunCoordinator):
    """Queues runs; `header` in its config names the header with the token."""

    def __init__(self, header, inst_data=None, **queue):
        self._header = header
        super().__init__(inst_data=inst_data, **queue)

    @classmethod
    def config_type(cls):
        return {**super().config_type(), "header": Field(StringSource, default_value="X-Id-Token")}

    @classmethod
    def from_config_value(cls, inst_data, config_value):
        return cls(inst_data=inst_data, **config_value)

    def submit_run(self, context):
        token = context.get_request_header(self._header)
        if token is None:
            raise PermissionError(f"sign in first: the request has no {self._header}")
        run = context.dagster_run
        self._instance.add_run_tags(run.run_id, {"submitted_by": claims(token)["email"]})
        return super().submit_run(context)


def claims(token):
    """Returns what a token says."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

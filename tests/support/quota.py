"""A quota of executions, without the controller that updates its usage after deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_kube.client import MERGE_PATCH

if TYPE_CHECKING:
    from support.gateway import Cluster

_EXECUTIONS = "count/sandboxexecutions.cloche.dev"


async def bound_executions(cluster: Cluster, most: int) -> None:
    """Let a quota reject each execution after the first `most`, and nothing else."""
    quotas = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
    hard = {_EXECUTIONS: str(most)}
    body = {"metadata": {"name": "executions"}, "spec": {"hard": hard}}
    await cluster.rest.call("POST", quotas, body=body)
    await cluster.rest.call(
        "PATCH",
        f"{quotas}/executions/status",
        body={"status": {"hard": hard, "used": {_EXECUTIONS: "0"}}},
        content_type=MERGE_PATCH,
    )

"""The paths of the objects that the gateway reads and writes."""

from __future__ import annotations

from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, VERSION


def executions(namespace: str) -> str:
    """The collection of executions."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{EXECUTIONS}"


def execution(namespace: str, name: str) -> str:
    """One execution. `name` is one that `is_execution_id` accepts."""
    return f"{executions(namespace)}/{name}"


def runtimes(namespace: str) -> str:
    """The collection of runtimes."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{RUNTIMES}"


def secrets(namespace: str) -> str:
    """The collection of Secrets, to be narrowed by a field selector."""
    return f"/api/v1/namespaces/{namespace}/secrets"

"""The paths of the objects that the gateway reads and writes."""

from __future__ import annotations

from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, SESSIONS, SOURCES, TOMBSTONES, VERSION


def executions(namespace: str) -> str:
    """The collection of executions."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{EXECUTIONS}"


def execution(namespace: str, name: str) -> str:
    """One execution. `name` is one that `is_execution_id` accepts."""
    return f"{executions(namespace)}/{name}"


def sources(namespace: str) -> str:
    """The collection of what large executions are given."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{SOURCES}"


def source(namespace: str, name: str) -> str:
    """One source."""
    return f"{sources(namespace)}/{name}"


def tombstones(namespace: str) -> str:
    """The collection of the keys of removed records."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{TOMBSTONES}"


def runtimes(namespace: str) -> str:
    """The collection of runtimes."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{RUNTIMES}"


def sessions(namespace: str) -> str:
    """The collection of stateful sessions."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{SESSIONS}"


def session(namespace: str, name: str) -> str:
    """One session. `name` is one that `services.sessions` accepts."""
    return f"{sessions(namespace)}/{name}"


def pod(namespace: str, name: str) -> str:
    """One Pod."""
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def secrets(namespace: str) -> str:
    """The collection of Secrets, to be narrowed by a field selector."""
    return f"/api/v1/namespaces/{namespace}/secrets"

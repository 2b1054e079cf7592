"""URL paths of the Kubernetes objects that the gateway reads and writes."""

from __future__ import annotations

from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, SESSIONS, SOURCES, TOMBSTONES, VERSION


def executions(namespace: str) -> str:
    """Return the path of the SandboxExecutions of a namespace."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{EXECUTIONS}"


def execution(namespace: str, name: str) -> str:
    """Return the path of a SandboxExecution.

    `name` must be valid in a path; `services.looking_up` checks the ids that clients send.
    """
    return f"{executions(namespace)}/{name}"


def sources(namespace: str) -> str:
    """Return the path of the SandboxSources of a namespace."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{SOURCES}"


def source(namespace: str, name: str) -> str:
    """Return the path of a SandboxSource."""
    return f"{sources(namespace)}/{name}"


def tombstones(namespace: str) -> str:
    """Return the path of the SandboxTombstones of a namespace."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{TOMBSTONES}"


def runtimes(namespace: str) -> str:
    """Return the path of the SandboxRuntimes of a namespace."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{RUNTIMES}"


def sessions(namespace: str) -> str:
    """Return the path of the SandboxSessions of a namespace."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{SESSIONS}"


def session(namespace: str, name: str) -> str:
    """Return the path of a SandboxSession.

    `name` must be valid in a path; `services.sessions` checks the ids that clients send.
    """
    return f"{sessions(namespace)}/{name}"


def pod(namespace: str, name: str) -> str:
    """Return the path of a Pod."""
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def secrets(namespace: str) -> str:
    """Return the path of the Secrets of a namespace, to be used with a field selector."""
    return f"/api/v1/namespaces/{namespace}/secrets"

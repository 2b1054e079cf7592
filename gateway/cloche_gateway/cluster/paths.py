"""URL paths of the Kubernetes objects that the gateway reads and writes."""

from __future__ import annotations

from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, SESSIONS, SOURCES, TOMBSTONES, VERSION


class Paths:
    """The paths of one namespace.

    A `name` must be valid in a path; `services.lookup` and `services.sessions` check the ids that
    clients send.
    """

    def __init__(self, namespace: str) -> None:
        own = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}"
        core = f"/api/v1/namespaces/{namespace}"
        self.executions = f"{own}/{EXECUTIONS}"
        self.runtimes = f"{own}/{RUNTIMES}"
        self.sessions = f"{own}/{SESSIONS}"
        self.sources = f"{own}/{SOURCES}"
        self.tombstones = f"{own}/{TOMBSTONES}"
        self.pods = f"{core}/pods"
        self.secrets = f"{core}/secrets"

    def execution(self, name: str) -> str:
        """Return the path of a SandboxExecution."""
        return f"{self.executions}/{name}"

    def session(self, name: str) -> str:
        """Return the path of a SandboxSession."""
        return f"{self.sessions}/{name}"

    def source(self, name: str) -> str:
        """Return the path of a SandboxSource."""
        return f"{self.sources}/{name}"

    def tombstone(self, name: str) -> str:
        """Return the path of a SandboxTombstone."""
        return f"{self.tombstones}/{name}"

    def pod(self, name: str) -> str:
        """Return the path of a Pod."""
        return f"{self.pods}/{name}"

"""URL paths of the objects that the gateway and the operator read and write."""

from __future__ import annotations

from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, SESSIONS, SOURCES, TOMBSTONES, VERSION

NODES = "/api/v1/nodes"


class Paths:
    """The paths of one namespace: of its collections, and of the objects in them.

    A `name` must be valid in a path. The gateway checks the ids that clients send.
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
        self.events = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        self.leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

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

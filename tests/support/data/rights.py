"""The RBAC rules of gateway and operator, used to check both the chart and the API server."""

from __future__ import annotations

from support.data.names import SANDBOXES, SYSTEM

Rules = set[tuple[str, str, str, tuple[str, ...]]]
"""(group, resource, verb, names) of every rule."""


def rights(group: str, resource: str, verbs: str, *names: str) -> Rules:
    return {(group, resource, verb, names) for verb in verbs.split()}


NODES = rights("", "nodes", "list")
"""Cluster-wide: reading what the sandbox nodes can allocate."""
ROLES: dict[tuple[str, str], Rules] = {
    ("cloche-gateway", SANDBOXES): (
        rights("cloche.dev", "sandboxexecutions", "get list watch create patch delete")
        | rights("cloche.dev", "sandboxsessions", "get list watch create patch delete")
        | rights("cloche.dev", "sandboxtombstones", "get create")
        | rights("cloche.dev", "sandboxsources", "get create delete")
        | rights("cloche.dev", "sandboxruntimes", "list watch")
        | rights("", "pods/log", "get")
    ),
    ("cloche-gateway", SYSTEM): rights("", "secrets", "list watch", "cloche-api-keys"),
    ("cloche-operator", SANDBOXES): (
        rights("", "pods", "get list watch create patch delete")
        | rights("", "pods/attach", "get create")
        | rights("", "pods/log", "get")
        | rights("events.k8s.io", "events", "list watch create")
        | rights("cloche.dev", "sandboxexecutions", "get list watch delete")
        | rights("cloche.dev", "sandboxexecutions/status", "patch")
        | rights("cloche.dev", "sandboxtombstones", "get list create delete")
        | rights("cloche.dev", "sandboxsources", "get list delete")
        | rights("cloche.dev", "sandboxruntimes", "list watch")
        | rights("cloche.dev", "sandboxruntimes/status", "patch")
        | rights("cloche.dev", "sandboxsessions", "get list watch delete")
        | rights("cloche.dev", "sandboxsessions/status", "patch")
    ),
    ("cloche-test", SYSTEM): rights("", "secrets", "patch", "cloche-api-keys"),
    ("cloche-operator", SYSTEM): (
        rights("coordination.k8s.io", "leases", "create")
        | rights("coordination.k8s.io", "leases", "get update", "cloche-operator")
    ),
}
"""The rules of each of the chart's Roles, by account and namespace."""

_WRITE = "create delete deletecollection patch update"
USERS: dict[str, Rules] = {
    "view": (
        rights("cloche.dev", "sandboxruntimes", "get list watch")
        | rights("cloche.dev", "sandboxsessions", "get list watch")
    ),
    "edit": (
        rights("cloche.dev", "sandboxexecutions", f"get list watch {_WRITE}")
        | rights("cloche.dev", "sandboxsources", "get list watch")
        | rights("cloche.dev", "sandboxsessions", _WRITE)
        | rights("cloche.dev", "sandboxruntimes/scale", "get patch update")
    ),
    "admin": rights("cloche.dev", "sandboxruntimes", _WRITE),
}
"""The rules that the chart adds to each ClusterRole for users."""

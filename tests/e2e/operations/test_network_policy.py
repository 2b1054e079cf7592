"""The chart's NetworkPolicies where they are enforced: which connections they allow."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.clients.helm import kinds
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES, SYSTEM
from support.deadline import until
from support.fixtures.installation import Installation

from cloche_cluster.console import Console
from cloche_cluster.embedded.policy_engine import policy_engine
from cloche_cluster.embedded.settings import Embedded

VALUES = ("networkPolicy.enabled=true", "valkey.enabled=true")
HTTP, VALKEY, API, OTHER = 8080, 6379, 6443, 8000
PORTS = (HTTP, VALKEY, API, OTHER)
IN_FORCE_SECONDS = 60

LISTENS = f"""
import selectors, socket
waits = selectors.DefaultSelector()
for port in {PORTS}:
    waits.register(socket.create_server(("", port), backlog=64), selectors.EVENT_READ)
while True:
    for key, _ in waits.select():
        key.fileobj.accept()[0].close()
"""
TRIES = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reaches(target):
    name, address, port = target
    try:
        if port == "dns":
            return bool(socket.getaddrinfo("kubernetes.default.svc.cluster.local.", 443))
        socket.create_connection((address, port), 3).close()
    except OSError:
        return False
    return True
targets = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(targets)) as all_at_once:
    found = list(all_at_once.map(reaches, targets))
print(json.dumps([f"{t[0]}:{t[2]}" for t, one in zip(targets, found) if one]))
"""

PROGRAMS = ("gateway", "operator", "valkey", "test", "sandbox", "stranger")
REACHED = {
    "gateway": {f"stranger:{API}", f"valkey:{VALKEY}", "names:dns"},
    "operator": {f"stranger:{API}", "names:dns"},
    "valkey": set[str](),
    "test": {f"stranger:{API}", f"gateway:{HTTP}", f"operator:{HTTP}", "names:dns"},
    "sandbox": set[str](),
    "stranger": {f"gateway:{HTTP}", "names:dns"},
}
"""By whom, with the policies; every other way to a Pod is closed. The stranger represents an API
server, which may be at any address, and for those who call the gateway."""


class Ways:
    """A Pod for each program of the chart, with its labels, and one that it knows nothing of."""

    def __init__(self, kubectl: InstallationKubectl, image: str) -> None:
        self.kubectl = kubectl
        self.image = image
        suffix = uuid.uuid4().hex[:6]
        self.namespaces = {
            SYSTEM: f"test-system-{suffix}",
            SANDBOXES: f"test-sandboxes-{suffix}",
            "strangers": f"test-strangers-{suffix}",
        }

    def namespace(self, name: str) -> str:
        return self.namespaces[{"sandbox": SANDBOXES, "stranger": "strangers"}.get(name, SYSTEM)]

    def start(self) -> None:
        for namespace in self.namespaces.values():
            self.kubectl("create", "namespace", namespace)
            self.kubectl(
                "wait", "--for=create", "serviceaccount/default", "-n", namespace, "--timeout=30s"
            )
        self.apply([self.pod(name) for name in PROGRAMS])
        for name in PROGRAMS:
            where = ("-n", self.namespace(name))
            self.kubectl("wait", f"pod/{name}", *where, "--for=condition=Ready", "--timeout=60s")
        self.addresses = {
            name: self.kubectl.json("get", "pod", name, "-n", self.namespace(name))["status"]
            for name in PROGRAMS
        }

    def apply(self, objects: list[dict[str, Any]]) -> None:
        body = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def pod(self, name: str) -> dict[str, Any]:
        labels = {
            "app.kubernetes.io/name": "cloche",
            "app.kubernetes.io/instance": "cloche",
            "app.kubernetes.io/component": name,
        }
        container = {
            "name": name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", LISTENS],
            "ports": [
                {"name": "http", "containerPort": HTTP},
                {"name": "valkey", "containerPort": VALKEY},
            ],
            "readinessProbe": {"tcpSocket": {"port": OTHER}, "periodSeconds": 1},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": self.namespace(name), "labels": labels},
            "spec": {
                "containers": [container],
                "terminationGracePeriodSeconds": 0,
                # Of the names that cannot be resolved each takes as long as this says.
                "dnsConfig": {"options": [{"name": "timeout", "value": "2"}]},
                "automountServiceAccountToken": False,
            },
        }

    def apply_policies(self) -> None:
        policies = [json.loads(json.dumps(one)) for one in kinds("NetworkPolicy", *VALUES).values()]
        for policy in policies:
            policy["metadata"]["namespace"] = self.namespaces[policy["metadata"]["namespace"]]
        self.apply(policies)

    def of(self, name: str) -> set[str]:
        """What a Pod reaches: `NAME:PORT` of every other, and whether it resolves names."""
        targets: list[tuple[str, str, Any]] = [
            (other, self.addresses[other]["podIP"], port)
            for other in PROGRAMS
            if other != name
            for port in PORTS
        ]
        tries = ("python3", "-c", TRIES, json.dumps([*targets, ("names", "", "dns")]))
        said = self.kubectl("exec", name, "-n", self.namespace(name), "--", *tries)
        return set(json.loads(said))

    def remove(self) -> None:
        self.kubectl("delete", "namespace", *self.namespaces.values(), "--ignore-not-found")


@pytest.fixture(scope="module")
def ways(installation: Installation, kubectl: InstallationKubectl) -> Iterator[Ways]:
    """The Pods, in the embedded cluster with an engine; elsewhere the network must enforce."""
    image = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["image"]
    embedded = Embedded(Console())
    found = Ways(kubectl, image)
    with ExitStack() as stack:
        if Path(installation.kubeconfig) == embedded.layout.admin:
            stack.enter_context(policy_engine(embedded))
        stack.callback(found.remove)
        found.start()
        yield found


@pytest.fixture(scope="module")
def before(ways: Ways) -> dict[str, set[str]]:
    """What each Pod reaches while there is no policy."""
    return {name: ways.of(name) for name in PROGRAMS}


@pytest.fixture(scope="module")
def policies(ways: Ways, before: dict[str, set[str]]) -> Ways:
    """The chart's policies, in force after all was open."""
    assert before
    ways.apply_policies()
    until(lambda: not ways.of("sandbox"), "the policies to be in force", IN_FORCE_SECONDS)
    return ways


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pod_reaches_every_port_without_network_policies(
    before: dict[str, set[str]], name: str
) -> None:
    others = {f"{other}:{port}" for other in PROGRAMS if other != name for port in PORTS}
    assert before[name] == others | {"names:dns"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pod_reaches_only_what_the_charts_network_policies_allow(
    policies: Ways, name: str
) -> None:
    assert policies.of(name) == REACHED[name]

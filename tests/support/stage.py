"""A namespace with a node and a runtime, in which a test acts as user and kubelet."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from support.api_server import CLOCHE, CORE, ApiServer
from support.deadline import until
from support.operator_process import Operator, operator

from cloche_api import meta

BOUND_SECONDS = 20.0
"""Seconds within which every expected event must happen, even on a busy machine."""
LABEL = "cloche.dev/test"
_NODES = "/api/v1/nodes"


def container(state: dict[str, Any], phase: str = "Pending") -> dict[str, Any]:
    """Return a Pod's status with its container in a state."""
    return {
        "phase": phase,
        "containerStatuses": [
            {
                "name": "sandbox",
                "image": "cloche/runtime-python:dev",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": state,
            }
        ],
    }


class Stage:
    """A namespace of an API server, and the operators that run in it."""

    def __init__(self, server: ApiServer, kubeconfig: Path, directory: Path) -> None:
        self.server = server
        self.kubeconfig = kubeconfig
        self.namespace = f"test-{uuid.uuid4().hex[:10]}"
        self.executions = f"{CLOCHE}/{self.namespace}/sandboxexecutions"
        self.runtimes = f"{CLOCHE}/{self.namespace}/sandboxruntimes"
        self.pods = f"{CORE}/{self.namespace}/pods"
        self._directory = directory
        self._count = itertools.count()
        self._running = ExitStack()

    def set_up(self, memory: str = "64Gi") -> None:
        metadata = {"metadata": {"name": self.namespace}}
        self.server.create(CORE, metadata)
        # A controller usually creates it; without it no Pod is admitted.
        account = {"metadata": {"name": "default"}}
        self.server.create(f"{CORE}/{self.namespace}/serviceaccounts", account)
        self.server.create(
            _NODES, {"metadata": {"name": self.namespace, "labels": {LABEL: self.namespace}}}
        )
        self.set_node(memory)
        self.apply_runtime("python", aliases=["py"])

    def tear_down(self) -> None:
        self._running.close()
        self.server.delete(f"{_NODES}/{self.namespace}")

    def set_node(self, memory: str, *, ready: bool = True) -> None:
        """Set a node's status, as its kubelet does."""
        amounts = {"cpu": "4", "memory": memory, "pods": "110", "ephemeral-storage": "100Gi"}
        status = {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},  # nothing listens there
            "conditions": [{"type": "Ready", "status": str(ready), "reason": "KubeletReady"}],
        }
        self.server.merge(f"{_NODES}/{self.namespace}/status", {"status": status})
        # A new node has a not-ready taint, which a controller usually removes.
        self.server.merge(f"{_NODES}/{self.namespace}", {"spec": {"taints": None}})

    def apply_runtime(self, name: str, **spec: Any) -> None:
        fields = {
            "image": "cloche/runtime-python:dev",
            "fileName": "main.py",
            "run": {"command": ["python3", "main.py"]},
        }
        self.server.create(
            self.runtimes,
            {
                "apiVersion": "cloche.dev/v1alpha1",
                "kind": "SandboxRuntime",
                "metadata": {"name": name},
                "spec": fields | spec,
            },
        )

    def start(self, *, clock_ahead: int = 0, **settings: Any) -> Operator:
        """Start an operator of this namespace, which ends with the test at the latest."""
        defaults: dict[str, Any] = {
            "namespace": self.namespace,
            "node_selector": {LABEL: self.namespace},
            "drain_seconds": 1,
            "lease_seconds": 2,
        }
        log = self._directory / f"operator-{next(self._count)}.log"
        return self._running.enter_context(
            operator(self.kubeconfig, log, clock_ahead=clock_ahead, **(defaults | settings))
        )

    def submit(self, name: str, *, key: str | None = None, **spec: Any) -> str:
        """Create an execution and return its uid. `key` is the hash of an idempotent request.

        A field that is None is omitted.
        """
        fields = {"language": "python", "code": "print(1)"} | spec
        annotations = {} if key is None else {meta.ANNOTATION_REQUEST_SHA256: key}
        made = self.server.create(
            self.executions,
            {
                "apiVersion": "cloche.dev/v1alpha1",
                "kind": "SandboxExecution",
                "metadata": {"name": name, "annotations": annotations},
                "spec": {name: value for name, value in fields.items() if value is not None},
            },
        )
        uid: str = made["metadata"]["uid"]
        return uid

    def cancel(self, name: str) -> None:
        self.server.merge(f"{self.executions}/{name}", {"spec": {"cancel": True}})

    def status(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = self.server.get(f"{self.executions}/{name}")["status"]
        return status

    def claimed(self, name: str) -> dict[str, Any]:
        """Wait until a Pod has been claimed for an execution, and return its status."""
        return self._once(name, lambda status: "podUID" in status, "be claimed")

    def ended(self, name: str, seconds: float = BOUND_SECONDS) -> dict[str, Any]:
        """Wait until an execution has ended, and return its status."""
        return self._once(
            name, lambda status: status["phase"] not in ("Pending", "Running"), "end", seconds
        )

    def list_pods(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.server.get(self.pods)["items"]
        return items

    def pod(self, uid: str) -> dict[str, Any]:
        """Wait for the Pod of an execution with that uid."""
        found: dict[str, Any] = until(
            lambda: self.server.find(f"{self.pods}/sbx-{uid}"), BOUND_SECONDS, f"Pod of {uid}"
        )
        return found

    def no_pod(self, uid: str) -> None:
        """Wait until the Pod of that execution has been removed."""
        until(
            lambda: self.server.find(f"{self.pods}/sbx-{uid}") is None,
            BOUND_SECONDS,
            f"Pod of {uid} to go",
        )

    def no_execution(self, name: str) -> None:
        """Wait until the execution has been removed."""
        until(
            lambda: self.server.find(f"{self.executions}/{name}") is None,
            BOUND_SECONDS,
            f"{name} to be removed",
        )

    def bind(self, uid: str) -> None:
        """Bind the Pod to the node, as the scheduler does."""
        target = {"apiVersion": "v1", "kind": "Node", "name": self.namespace}
        name = self.pod(uid)["metadata"]["name"]
        self.server.create(
            f"{self.pods}/{name}/binding",
            {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target},
        )

    def say(self, uid: str, status: dict[str, Any]) -> None:
        """Write a Pod's status, as the kubelet does."""
        name = self.pod(uid)["metadata"]["name"]
        self.server.merge(f"{self.pods}/{name}/status", {"status": status})

    def bury(self, uid: str) -> None:
        """Remove a deleted Pod, as the kubelet does after its containers have ended."""
        name = f"sbx-{uid}"
        until(
            lambda: "deletionTimestamp" in self.pod(uid)["metadata"],
            BOUND_SECONDS,
            f"deletion of {name}",
        )
        self.server.call("DELETE", f"{self.pods}/{name}", {"gracePeriodSeconds": 0})

    def _once(
        self,
        name: str,
        condition: Callable[[dict[str, Any]], bool],
        what: str,
        seconds: float = BOUND_SECONDS,
    ) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            status = self.status(name)
            return status if condition(status) else None

        return until(look, seconds, f"{name} to {what}")


@contextmanager
def stage(server: ApiServer, kubeconfig: Path, directory: Path) -> Iterator[Stage]:
    """Set up a stage for the block; every operator's log is checked at its end."""
    made = Stage(server, kubeconfig, directory)
    made.set_up()
    try:
        yield made
    finally:
        made.tear_down()

"""Find out whether sandbox Pods can have user namespaces, and remember it in the cluster."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import REPOSITORY_NAME
from cloche_cluster.install import probe
from cloche_cluster.install.probe import Verdict
from cloche_cluster.targets.base import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_cluster.console import Console
    from cloche_cluster.kubectl import Kubectl

ANNOTATION = "cloche.dev/user-namespaces"
"""Annotation of the release's namespace: the last verdict, and the fingerprint of its nodes."""

_SELECTOR = ",".join(f"{name}={value}" for name, value in probe.LABELS.items())
_LATE_SECONDS = 5.0
"""How much later than its own deadline a Pod's end may be observed."""


def user_namespaces(
    kubectl: Kubectl, values: Mapping[str, Any], console: Console
) -> dict[str, Any]:
    """Return the chart's values that enable user namespaces if they work, and print the result.

    `values` are those of the installation, with image tags and RuntimeClass. Nothing is raised: an
    installation without user namespaces works too.
    """
    runtime_class = values.get("sandbox", {}).get("runtimeClassName", "")
    try:
        verdict = Trial(kubectl, runtime_class, runtime_image(values)).verdict()
    except ClusterError as error:
        verdict = Verdict(str(error).splitlines()[0])
    state = f"off: {verdict.obstacle}" if verdict.obstacle else "on"
    console.step(f"user namespaces: {state}")
    return {"sandbox": {"userNamespaces": not verdict.obstacle}}


def runtime_image(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the reference of a runtime's image as the chart uses it, and its pull policy.

    Any runtime will do, because the nodes get all of them.
    """
    image = values["image"]
    name, tag = next(item for item in image["tags"].items() if item[0].startswith("runtime-"))
    registry = image.get("registry")
    if registry:
        return f"{registry}/cloche/{name}:{tag}", "IfNotPresent"
    return f"{REPOSITORY_NAME}/{name}:{tag}", "Never"


def remembered(namespace: Mapping[str, Any], key: str) -> Verdict | None:
    """Return the verdict in a namespace's metadata, if it concerns the same nodes."""
    noted = namespace.get("annotations", {}).get(ANNOTATION, "")
    of, _, obstacle = noted.partition(" ")
    return Verdict(obstacle) if of == key else None


@dataclass(frozen=True)
class Trial:
    """Checks the nodes' reports, and unless these rule it out, runs probe Pods.

    The Pods run in the release's own namespace: that of the sandboxes is created by the chart and
    has a quota, `default` belongs to other users, and a separate one would take seconds to delete.
    """

    kubectl: Kubectl
    runtime_class: str
    image: tuple[str, str]
    namespace: str = NAMESPACE

    def verdict(self) -> Verdict:
        """Return the verdict, remembered if nothing has changed. Raises ClusterError."""
        found = self.kubectl.json("get", "nodes,runtimeclasses")["items"]
        nodes = probe.open_nodes(one for one in found if one["kind"] == "Node")
        classes = [one for one in found if one["kind"] == "RuntimeClass"]
        handler = probe.handler_of(self.runtime_class, classes)
        refusal = probe.reported(nodes, handler)
        if refusal or handler is None:
            return refusal or Verdict("")
        kinds = probe.unlike(nodes)
        key = probe.fingerprint(handler, kinds)
        namespace = self._namespace()
        verdict = remembered(namespace, key)
        if verdict is None:
            if not namespace:
                self._make_namespace()
            verdict = self._tried(list(kinds.values()))
            if verdict.lasting:
                self._remember(key, verdict)
        return verdict

    def _namespace(self) -> dict[str, Any]:
        """Return the namespace's metadata; empty before the first installation."""
        words = ("get", "namespaces", "--field-selector", f"metadata.name={self.namespace}")
        found = self.kubectl.json(*words)["items"]
        return dict(found[0]["metadata"]) if found else {}

    def _make_namespace(self) -> None:
        meta = {"name": self.namespace}
        self.kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": meta}])
        # A controller creates it shortly after the namespace; without it no Pod is admitted.
        self._run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")

    def _remember(self, key: str, verdict: Verdict) -> None:
        noted = f"{ANNOTATION}={key} {verdict.obstacle}".rstrip()
        self.kubectl.run("annotate", "namespace", self.namespace, "--overwrite", noted)

    def _tried(self, nodes: Sequence[str]) -> Verdict:
        """Run the Pods and always remove them; if this process is killed, their deadline ends them.

        Leftovers of a killed run are replaced. It has remembered nothing, so the next run probes
        again.
        """
        pods = probe.probe_pods(nodes, self.runtime_class, self.image)
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
        try:
            self._run("replace", "--force", "-f", "-", stdin=body)
            return self._heard(len(pods))
        finally:
            self._run("delete", "pods", "-l", _SELECTOR, "--wait=false")

    def _heard(self, count: int) -> Verdict:
        deadline = time.monotonic() + probe.SECONDS + _LATE_SECONDS
        while time.monotonic() < deadline:
            pods = self.kubectl.json("get", "pods", "-n", self.namespace, "-l", _SELECTOR)["items"]
            verdict = probe.judged(pods, {}) or probe.judged(pods, self._warnings())
            if verdict and len(pods) == count:
                return verdict
            time.sleep(0.1)
        return Verdict("the probe Pod did not finish in time", lasting=False)

    def _warnings(self) -> dict[str, str]:
        """Return why sandboxes were not created, by their Pods' uids."""
        words = ("get", "events", "-n", self.namespace, "--field-selector")
        events = self.kubectl.json(*words, "reason=FailedCreatePodSandBox")["items"]
        return {event["involvedObject"]["uid"]: event["message"] for event in events}

    def _run(self, *words: str, stdin: str | None = None) -> None:
        self.kubectl.run(*words, "-n", self.namespace, stdin=stdin)

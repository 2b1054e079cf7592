"""How many requests an execution whose Pod is started for it costs the API server."""

from __future__ import annotations

import re
from collections import Counter

from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute

COUNT = 6
_AT_MOST = 30
"""Requests for each execution. 26 were counted; a slow node needs further attempts to attach, and
the Pods of the pools and the installation's own cause some as well."""
_GONE_SECONDS = 60
_RESOURCES = {"pods", "events", "resourcequotas", "sandboxexecutions"}
_SAMPLE = re.compile(r"apiserver_request_total\{(.*)\} (\S+)")
_OWN = re.compile(r"pod/sbx-[0-9a-f]{8}-[0-9a-f-]{27}")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def _requests(kubectl: InstallationKubectl) -> Counter[tuple[str, str]]:
    """Return the requests so far, by verb and resource. Lists and watches are left out."""
    found: Counter[tuple[str, str]] = Counter()
    for line in kubectl("get", "--raw", "/metrics").splitlines():
        if sample := _SAMPLE.fullmatch(line):
            labels = dict(_LABEL.findall(sample[1]))
            resource = labels["resource"]
            if resource in _RESOURCES and labels["verb"] not in ("LIST", "WATCH"):
                name = "/".join(filter(None, (resource, labels["subresource"])))
                found[labels["verb"], name] += int(float(sample[2]))
    return found


def test_an_execution_in_its_own_pod_takes_few_requests(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    def quiet() -> bool:
        return kubectl.pool_is_full("bash") and not _own_pods(kubectl)

    until(quiet, "the pool to be full", _GONE_SECONDS)
    before = _requests(kubectl)

    for number in range(COUNT):
        execute("true", "bash", resources={"memory_mb": 200 + number})
    until(lambda: not _own_pods(kubectl), "the Pods to be gone", _GONE_SECONDS)

    made = _requests(kubectl) - before
    attempts = sum(count for (_, name), count in made.items() if name == "pods/attach")
    assert COUNT <= attempts <= 4 * COUNT, "one at the kubelet's Event; 11 before there was one"
    assert made.total() <= _AT_MOST * COUNT, made


def _own_pods(kubectl: InstallationKubectl) -> list[str]:
    names = kubectl("get", "pods", "-n", SANDBOXES, "-o", "name").split()
    return [name for name in names if _OWN.fullmatch(name)]

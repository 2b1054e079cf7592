"""Observe the creation of sandbox Pods through the API server's watch."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES

_RUNTIME = "cloche.dev/runtime"


class PodObserver:
    """Pods created since the watch began, each with its runtime."""

    def __init__(self, there: set[str]) -> None:
        self._there = there
        self.runtime_of: dict[str, str] = {}
        """By uid."""

    def of(self, runtime: str) -> int:
        """Return the number of Pods of a runtime."""
        return sum(name == runtime for name in self.runtime_of.values())

    def read(self, stream: IO[str]) -> None:
        """Read watch events until the stream ends."""
        for line in stream:
            event = json.loads(line)
            meta = event["object"]["metadata"]
            if event["type"] == "ADDED" and meta["uid"] not in self._there:
                self.runtime_of[meta["uid"]] = meta.get("labels", {}).get(_RUNTIME, "")


@contextmanager
def observe_pods(kubeconfig: str, namespace: str = SANDBOXES) -> Iterator[PodObserver]:
    """Watch the Pods of the namespace during the block.

    The watch starts with the existing Pods, so that none is missed while it is set up.
    """
    kubectl = InstallationKubectl(kubeconfig)
    there = kubectl.json("get", "pods", "-n", namespace)["items"]
    seen = PodObserver({pod["metadata"]["uid"] for pod in there})
    watch = subprocess.Popen(
        [
            *(*kubectl.command, "get", "pods", "-n", namespace, "-o", "json"),
            *("--watch", "--output-watch-events"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    reader = threading.Thread(target=seen.read, args=(watch.stdout,))
    reader.start()
    try:
        yield seen
    finally:
        watch.terminate()
        watch.wait()
        reader.join()
        watch.stdout.close()

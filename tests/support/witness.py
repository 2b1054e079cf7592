"""A witness outside Cloche: which Pods ran which executions, by the API server's own watch."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.installation import KUBECTL

LABEL = "cloche.dev/execution"


class Witness:
    """What was seen."""

    def __init__(self) -> None:
        self.started: dict[str, str] = {}
        """Uid of every Pod that was seen, and the execution that it was made for."""

    def read(self, stream: Iterator[str]) -> None:
        decoder = json.JSONDecoder()
        text = ""
        for line in stream:
            text += line
            if line != "}\n":
                continue
            pod, _ = decoder.raw_decode(text)
            text = ""
            meta = pod["metadata"]
            if LABEL in meta.get("labels", {}):
                self.started[meta["uid"]] = meta["labels"][LABEL]


@contextmanager
def witness(kubeconfig: str, namespace: str = "cloche-sandboxes") -> Iterator[Witness]:
    """Watch the Pods of the namespace while the block runs."""
    seen = Witness()
    watch = subprocess.Popen(
        [KUBECTL, "get", "pods", "-n", namespace, "--watch-only", "-o", "json"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"KUBECONFIG": kubeconfig},
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

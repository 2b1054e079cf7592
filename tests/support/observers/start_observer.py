"""Observe independently of Cloche which executions were started, from the containers' logs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from support.data.names import SANDBOXES
from support.deadline import until

from cloche_cluster.embedded.layout import Layout

_PROGRAM = Path(__file__).with_name("log_follower.py")
_SECONDS = 30.0
_URGENCY = -10  # nice: opening a log takes a millisecond even if two cores are busy


@dataclass(frozen=True)
class Start:
    """A program whose start a supervisor has logged."""

    execution: str
    """Uid of the SandboxExecution."""
    pod: str
    """Uid of the Pod."""
    logged: str
    """Time at which containerd logged it, RFC 3339."""


@dataclass
class StartObserver:
    """The observations. Its process is independent of API server, kubelet and containerd."""

    starts: list[Start] = field(default_factory=list)
    """Every `started` event of stage `run`, in the order in which it was read."""
    ends: set[str] = field(default_factory=set)
    """Uids of the executions whose `exit` event was read."""
    logs: int = 0
    """Containers whose log was read; known after the observer has ended."""
    unseen: list[str] = field(default_factory=list)
    """Logs that were removed before they could be opened."""
    watching: bool = False
    """Whether it has read all existing logs, and misses nothing from now on."""

    def counts(self, uids: Iterable[str]) -> dict[str, int]:
        """Return how often each of these executions was started."""
        all_ = Counter(start.execution for start in self.starts)
        return {uid: all_[uid] for uid in uids}

    def running(self) -> list[Start]:
        """Return the starts of executions that have not ended."""
        return [start for start in self.starts if start.execution not in self.ends]

    def read(self, stream: IO[str]) -> None:
        """Read the process's output until it ends."""
        for line in stream:
            said = json.loads(line)
            if "watching" in said:
                self.watching = True
            elif "unseen" in said:
                self.logs, self.unseen = said["seen"], said["unseen"]
            elif said["event"] == "exit":
                self.ends.add(said.get("execution", ""))
            elif said.get("stage") == "run":
                self.starts.append(Start(said.get("execution", ""), said["pod"], said["logged"]))


@contextmanager
def observe_starts(namespace: str = SANDBOXES) -> Iterator[StartObserver]:
    """Follow the logs of the namespace's Pods during the block.

    After the block, everything logged until its end has been counted, and no log was missed.
    """
    seen = StartObserver()
    with _process(_PROGRAM, str(Layout().log / "pods"), f"{namespace}_", reader=seen.read):
        until(lambda: seen.watching, "the observer to watch", _SECONDS)
        yield seen
    assert seen.logs or not seen.starts
    assert not seen.unseen, f"gone before they were read: {seen.unseen}"


@contextmanager
def _process(program: Path, *args: str, reader: Callable[[IO[str]], None]) -> Iterator[None]:
    process = subprocess.Popen(
        ["nice", "-n", str(_URGENCY), sys.executable, "-I", "-S", program, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    thread = threading.Thread(target=reader, args=(process.stdout,))
    thread.start()
    try:
        yield
    finally:
        process.stdin.close()
        thread.join(_SECONDS)
        code = process.wait(_SECONDS)
        process.stdout.close()
    assert code == 0, f"the observer ended with {code}"

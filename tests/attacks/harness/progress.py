"""The progress of a run of thousands of attacks, saved after each one."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from attacks.harness.node import Holdings

RESULTS = Path(__file__).parents[1] / "results" / "attacks.json"
_TELL_EVERY = 50


class Progress:
    """The completed attacks and the unexpected results."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._seconds: float = kept.get("seconds", 0.0)
        self._done = Counter(kept.get("done", {}))
        self._before: dict[str, int] | None = kept.get("before")
        self.faults: list[str] = kept.get("faults", [])

    @classmethod
    def fresh(cls) -> Progress:
        """Start without any progress."""
        RESULTS.unlink(missing_ok=True)
        return cls({})

    @classmethod
    def kept(cls) -> Progress:
        """Continue an interrupted run of the same commit; after a finished run, start again."""
        if not RESULTS.exists():
            return cls({})
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))
        return cls(kept if kept["commit"] == _commit() and not kept["finished"] else {})

    def begin(self, now: Holdings) -> Holdings:
        """Return the node's state before the first attack."""
        before = Holdings(**self._before) if self._before else now
        self._before = asdict(before)
        return before

    def done(self, kind: str) -> int:
        """Return the number of completed attacks of a kind."""
        return self._done[kind]

    def add(self, kind: str, faults: list[str]) -> None:
        """Record a completed attack."""
        with self._lock:
            self._done[kind] += 1
            self.faults += [f"{kind}: {fault}" for fault in faults]
            for fault in faults:
                sys.stdout.write(f"PROBLEM {kind}: {fault}\n")
            if self._done.total() % _TELL_EVERY == 0:
                sys.stdout.write(f"{self.summary()}\n")
            sys.stdout.flush()
            self._keep(finished=False)

    def end(self) -> None:
        """Record that the run has finished."""
        self._keep(finished=True)

    def summary(self) -> str:
        """Return the progress as one line."""
        kinds = ", ".join(f"{count} {kind}s" for kind, count in self._done.items()) or "none"
        return f"{kinds}; {len(self.faults)} faults; {self._took():.0f} s"

    def _took(self) -> float:
        return self._seconds + time.monotonic() - self._began

    def _keep(self, *, finished: bool) -> None:
        RESULTS.parent.mkdir(exist_ok=True)
        kept = {
            "commit": _commit(),
            "finished": finished,
            "seconds": round(self._took(), 1),
            "done": dict(self._done),
            "faults": self.faults,
            "before": self._before,
        }
        new = RESULTS.with_suffix(".new")
        new.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        new.replace(RESULTS)


@functools.cache
def _commit() -> str:
    output = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout
    return output.strip()

"""The attacks that are run by the thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attacks.harness.program import HERE, Program, parse


@dataclass(frozen=True)
class Flood:
    """An attack and the name of its kind."""

    name: str
    program: Program

    def spec(self, environment: dict[str, str]) -> tuple[str, dict[str, Any]]:
        """Return language and spec, with a shorter timeout than the program's own."""
        return self.program.language, self.program.spec(environment) | {
            "timeoutSeconds": 1 if self.program.ends == "DeadlineExceeded" else 20,
            "ttlSecondsAfterFinished": 1,
        }

    def faults(self, status: dict[str, Any]) -> list[str]:
        """Return the unexpected properties of a status."""
        return self.program.faults(status, hurried=True)


FLOODS = (
    Flood("fork bomb", parse(HERE / "processes" / "fork_bomb.py")),
    Flood("memory hog", parse(HERE / "resources" / "memory.py")),
    Flood("output flood", parse(HERE / "resources" / "output.py")),
)

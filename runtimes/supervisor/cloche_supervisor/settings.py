"""What the supervisor is told by nobody: its places and its patience."""

from __future__ import annotations


class Settings:
    """Fixed in an image; only tests make another. Seconds are of the monotonic clock."""

    def __init__(
        self,
        workspace: str = "/workspace",
        drain_seconds: float = 30.0,
        kill_seconds: float = 5.0,
        check_seconds: float = 2.0,
        collect_seconds: float = 2.0,
    ) -> None:
        self.workspace = workspace
        """The program's working directory, its HOME, and the parent of its TMPDIR."""
        self.drain_seconds = drain_seconds
        """How long the last events wait for a reader that has stopped. Longer than the 10 s for
        which an API server may be away, shorter than what a lost Pod may cost the node."""
        self.kill_seconds = kill_seconds
        """How long killed processes may take to go; one that hangs in the kernel goes with the
        Pod."""
        self.check_seconds = check_seconds
        """The most that a syntax check may take."""
        self.collect_seconds = collect_seconds
        """The most that looking for output files may take."""

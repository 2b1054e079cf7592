"""What the supervisor is told by nobody: its places and its patience."""

from __future__ import annotations


class Settings:
    """Fixed in an image; only tests make another. Seconds are of the monotonic clock."""

    def __init__(  # noqa: PLR0913 - one for each
        self,
        *,
        workspace: str = "/workspace",
        memory_directories: tuple[str, ...] = ("/dev/shm", "/dev/mqueue"),  # noqa: S108 - no file
        drain_seconds: float = 30.0,
        kill_seconds: float = 5.0,
        check_seconds: float = 2.0,
        collect_seconds: float = 2.0,
        reset_seconds: float = 10.0,
        linger_seconds: float = 15.0,
    ) -> None:
        self.workspace = workspace
        """The program's working directory, its HOME, and the parent of its TMPDIR."""
        self.memory_directories = memory_directories
        """The other places that a program may write to: POSIX shared memory and message queues."""
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
        self.reset_seconds = reset_seconds
        """The most that emptying those places may take: about a million files. A new Pod is there
        sooner."""
        self.linger_seconds = linger_seconds
        """The most that we outlive the last execution. The operator deletes the Pod once the
        result is answered, tens of milliseconds later. A containerd that was killed reads our last
        words when it is back, which takes it some seconds, and only if we still live."""

"""The supervisor's paths and time limits."""

from __future__ import annotations


class Settings:
    """Fixed for an image; only tests use other values. Seconds are of the monotonic clock."""

    def __init__(  # noqa: PLR0913 - one for each setting
        self,
        *,
        workspace: str = "/workspace",
        memory_directories: tuple[str, ...] = ("/dev/shm", "/dev/mqueue"),  # noqa: S108 - not files
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
        """The other writable places: POSIX shared memory and message queues."""
        self.drain_seconds = drain_seconds
        """How long to wait for a stopped reader to take the last events. Longer than the 10 s for
        which an API server may be unavailable, and short enough that a lost Pod does not occupy the
        node for long."""
        self.kill_seconds = kill_seconds
        """How long killed processes may take to end. One that hangs in the kernel ends with the
        Pod."""
        self.check_seconds = check_seconds
        """Limit of a syntax check."""
        self.collect_seconds = collect_seconds
        """Limit of the search for output files."""
        self.reset_seconds = reset_seconds
        """Limit of emptying those places, enough for about a million files. Starting a new Pod
        takes less time."""
        self.linger_seconds = linger_seconds
        """How long the supervisor keeps running after the last execution. The operator deletes the
        Pod when the result has been delivered, tens of milliseconds later. A restarted containerd
        takes some seconds, and reads the last events only if the container is still running."""

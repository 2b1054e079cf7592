"""`python3 -I -S witness_log.py DIRECTORY PREFIX`: what sandbox containers said, as it appears.

It follows the node's log files of every Pod whose directory begins with PREFIX, and prints one JSON
object for each event `started` and `exit` of the supervisor's. An end of its standard input ends
it, after one more look at everything; the last line tells how much was seen.

It uses nothing of Cloche, of Kubernetes or of containerd but files that they write: whatever of
them is killed or frozen, it goes on. And it cannot miss an event without saying so:
- inotify tells of every directory and file that is made. Each directory is watched first and listed
  after, so that what is made in between is in one of the two. When the kernel's queue overflows,
  everything is listed again.
- A file is opened once, and stays open for a while after its last name is gone: unlinked, it can be
  read to its end all the same.
- So a log can only be missed when it is removed before it is opened. containerd makes it before it
  starts the container, the kubelet removes it once the container has ended and was removed itself:
  the start of an interpreter, an attach, the kill and the kubelet's own round lie in between, some
  hundreds of milliseconds at the least, against the one that it takes to open it. Should it happen
  nevertheless, the file or directory is counted as `unseen`, for its name was in inotify's queue.
- The kubelet rotates a log at 10 MiB; a supervisor ends before that, and a renamed file would be
  read on.
- Lines that containerd cut (flag P) are put together before they are read as events. The program's
  output stands within JSON strings and cannot look like an event.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import select
import struct
import sys
import time
from dataclasses import dataclass, field

# <sys/inotify.h>
_IN_CREATE, _IN_MOVED_TO, _IN_ONLYDIR = 0x100, 0x80, 0x01000000
_IN_Q_OVERFLOW, _IN_IGNORED = 0x4000, 0x8000
_EVENT = struct.Struct("iIII")

_READ_SECONDS = 0.05
_KEPT_SECONDS = 10.0  # an unlinked log is read for so long: its writer may not have closed it yet
_NICENESS = -15
_DEPTH = 2  # the directory, a Pod's, a container's
_CHUNK = 1 << 20


@dataclass
class Log:
    """An open log of one container."""

    pod: str
    descriptor: int
    rest: bytes = b""
    """A line that has no end yet."""
    parts: dict[bytes, bytes] = field(default_factory=dict)
    """By stream: what containerd cut from a line that has no end yet."""
    gone_since: float | None = None

    def events(self) -> list[dict[str, object]]:
        """What was added since the last time."""
        found = []
        while data := os.read(self.descriptor, _CHUNK):
            *lines, self.rest = (self.rest + data).split(b"\n")
            found += [event for line in lines if (event := self._event(line))]
        return found

    def _event(self, line: bytes) -> dict[str, object] | None:
        logged, _, rest = line.partition(b" ")
        stream, _, rest = rest.partition(b" ")
        flag, _, text = rest.partition(b" ")
        text = self.parts.pop(stream, b"") + text
        if flag == b"P":
            self.parts[stream] = text
            return None
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):  # no supervisor's
            return None
        if not isinstance(event, dict) or event.get("event") not in ("started", "exit"):
            return None
        names = ("event", "execution", "stage", "exit_code")
        return {"pod": self.pod, "logged": logged.decode()} | {
            name: event[name] for name in names if name in event
        }

    def is_done(self, now: float) -> bool:
        """Whether it has been without a name for so long that nobody writes to it any more."""
        if os.fstat(self.descriptor).st_nlink:
            return False
        self.gone_since = self.gone_since or now
        return now - self.gone_since > _KEPT_SECONDS


class Follower:
    """All logs below one directory."""

    def __init__(self, directory: str, prefix: str) -> None:
        self._directory, self._prefix = directory, prefix
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.inotify = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._watched: dict[int, str] = {}
        self._logs: dict[tuple[int, int], Log] = {}
        self.seen = 0
        self.unseen: list[str] = []
        self.look(directory)

    def take_notice(self) -> None:
        """Open what inotify tells of."""
        try:
            data = os.read(self.inotify, _CHUNK)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            name = data[at : at + length].rstrip(b"\0").decode()
            at += length
            if mask & _IN_Q_OVERFLOW:
                self.look(self._directory)
            elif mask & _IN_IGNORED:
                self._watched.pop(watch, None)
            elif watch in self._watched:
                self._look_at(f"{self._watched[watch]}/{name}")

    def look(self, directory: str) -> None:
        """Watch a directory, then look at what is in it already."""
        watch = self._libc.inotify_add_watch(
            self.inotify, os.fsencode(directory), _IN_CREATE | _IN_MOVED_TO | _IN_ONLYDIR
        )
        if watch < 0:
            if ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR):
                raise OSError(ctypes.get_errno(), "inotify_add_watch", directory)
            self.unseen.append(directory)
            return
        self._watched[watch] = directory
        try:
            names = os.listdir(directory)  # noqa: PTH208  pathlib takes 30 ms to import
        except FileNotFoundError:
            return  # inotify has the names of what was in it
        for name in names:
            self._look_at(f"{directory}/{name}")

    def _look_at(self, path: str) -> None:
        parts = path[len(self._directory) + 1 :].split("/")
        if not parts[0].startswith(self._prefix):
            return
        if len(parts) <= _DEPTH:
            self.look(path)
        elif path.endswith(".log"):
            self._open(path, parts[0].rpartition("_")[2])

    def _open(self, path: str, pod: str) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self.unseen.append(path)
            return
        of = os.fstat(descriptor)
        if (of.st_dev, of.st_ino) in self._logs:
            os.close(descriptor)
            return
        self._logs[of.st_dev, of.st_ino] = Log(pod, descriptor)
        self.seen += 1

    def read(self) -> None:
        """Print what was logged since the last time."""
        now = time.monotonic()
        for key, log in list(self._logs.items()):
            done = log.is_done(now)
            for event in log.events():
                sys.stdout.write(json.dumps(event) + "\n")
            if done:
                os.close(log.descriptor)
                del self._logs[key]
        sys.stdout.flush()


def main() -> None:
    """Follow until standard input ends."""
    with contextlib.suppress(PermissionError):  # who counts must not be late, however busy all are
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    follower = Follower(sys.argv[1], sys.argv[2])
    follower.read()
    sys.stdout.write('{"watching": true}\n')
    sys.stdout.flush()
    due, told_to_end = 0.0, False
    while not told_to_end:
        wait = max(0.0, due - time.monotonic())
        readable, _, _ = select.select([follower.inotify, sys.stdin], [], [], wait)
        told_to_end = sys.stdin in readable and not os.read(sys.stdin.fileno(), 1)
        follower.take_notice()
        if told_to_end or time.monotonic() >= due:
            follower.read()
            due = time.monotonic() + _READ_SECONDS
    sys.stdout.write(json.dumps({"seen": follower.seen, "unseen": follower.unseen}) + "\n")


if __name__ == "__main__":
    main()

"""`python3 -I -S log_follower.py DIRECTORY PREFIX`: print events from sandbox containers' logs.

It follows the node's log files of every Pod whose directory begins with PREFIX, and prints a JSON
object for each of the supervisors' `started` and `exit` events. When its standard input ends, it
reads everything once more and ends; the last line reports how much was read.

It depends on nothing of Cloche, Kubernetes or containerd except the files that they write, so it
keeps working while any of them is killed or frozen. It cannot miss an event without reporting it:
- inotify reports every directory and file that is created. Each directory is first watched and then
  listed, so that anything created in between is found by one of the two. If the kernel's queue
  overflows, everything is listed again.
- A file is opened once, and stays open for a while after its last name was removed, so that it can
  still be read to its end.
- A log can therefore be missed only if it is removed before it is opened. containerd creates it
  before it starts the container; the kubelet removes it after the container has ended and was
  removed. An interpreter's start, an attach, the kill and the kubelet's sync loop lie in between:
  at least some hundreds of milliseconds, whereas opening takes one. If it happens nevertheless, the
  file or directory is counted as `unseen`, because inotify has reported its name.
- The kubelet rotates a log at 10 MiB. A supervisor ends before that, and a renamed file would still
  be read.
- Lines that containerd has split (flag P) are joined before they are parsed. The program's output
  is inside JSON strings and cannot look like an event.
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
_KEPT_SECONDS = 10.0  # reads an unlinked log for this time: its writer may have it open
_NICENESS = -15
_DEPTH = 2  # the directory, a Pod's, a container's
_CHUNK = 1 << 20


@dataclass
class Log:
    """An open log of one container."""

    pod: str
    descriptor: int
    rest: bytes = b""
    """An incomplete line."""
    parts: dict[bytes, bytes] = field(default_factory=dict)
    """By stream: the parts so far of a line that containerd has split."""
    gone_since: float | None = None

    def events(self) -> list[dict[str, object]]:
        """Return the events that were added since the last call."""
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
        except (ValueError, RecursionError):  # not a supervisor's
            return None
        if not isinstance(event, dict) or event.get("event") not in ("started", "exit"):
            return None
        names = ("event", "execution", "stage", "exit_code")
        return {"pod": self.pod, "logged": logged.decode()} | {
            name: event[name] for name in names if name in event
        }

    def is_done(self, now: float) -> bool:
        """Return whether it has been unlinked for so long that nothing writes to it any more."""
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
        """Open what inotify reports."""
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
        """Watch a directory, then examine its present entries."""
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
            return  # inotify has reported the names of its entries
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
        """Print the events that were logged since the last call."""
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
    with contextlib.suppress(PermissionError):  # it must not be late, however busy the machine is
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    follower = Follower(sys.argv[1], sys.argv[2])
    follower.read()
    sys.stdout.write('{"watching": true}\n')
    sys.stdout.flush()
    due, input_ended = 0.0, False
    while not input_ended:
        wait = max(0.0, due - time.monotonic())
        readable, _, _ = select.select([follower.inotify, sys.stdin], [], [], wait)
        input_ended = sys.stdin in readable and not os.read(sys.stdin.fileno(), 1)
        follower.take_notice()
        if input_ended or time.monotonic() >= due:
            follower.read()
            due = time.monotonic() + _READ_SECONDS
    sys.stdout.write(json.dumps({"seen": follower.seen, "unseen": follower.unseen}) + "\n")


if __name__ == "__main__":
    main()

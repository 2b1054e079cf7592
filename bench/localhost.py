"""`PYTHONPATH=tests python bench/localhost.py [--base REVISION]`: what sockets on localhost cost.

It runs supervisors of this checkout, and of a base revision, as processes on this machine, in
namespaces as in a Pod. It requires root and no installation. It prints:

- the time that a program without sockets takes, here and at the base, in turns: from sending the
  frame to `exit`. The interval of the median is for 95 %;
- the time from the start of a supervisor to `ready`, likewise;
- the time of round trips over one TCP connection on localhost, and of connections.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from figures.stats import median_interval
from support.fixtures import supervisor as fixture
from support.fixtures.supervisor import HELLO, NAMESPACE, NETWORK, PYTHON, UNPRIVILEGED

_ROUND_TRIPS = """
import socket, threading, time
server = socket.create_server(("127.0.0.1", 0), backlog=1000)
def serve():
    peer, _ = server.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := peer.recv(64):
        peer.sendall(data)
threading.Thread(target=serve, daemon=True).start()
client = socket.create_connection(server.getsockname())
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
start = time.perf_counter()
for _ in range(10_000):
    client.sendall(b"ping")
    client.recv(64)
trips = time.perf_counter() - start
start = time.perf_counter()
for _ in range(1000):
    socket.create_connection(server.getsockname()).close()
print(trips, time.perf_counter() - start)
"""


def _checked_out(revision: str, directory: Path) -> Path:
    archive = subprocess.run(
        ["git", "archive", revision, "runtimes/supervisor"], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(directory, filter="data")
    return directory / "runtimes" / "supervisor"


def _supervisors(directory: Path, code: Path) -> fixture.Supervisors:
    directory.mkdir()
    fixture.SUPERVISOR = code
    made = fixture.Supervisors(directory)
    copy = directory / "code"
    subprocess.run([PYTHON, "-m", "compileall", "-q", str(copy)], check=True)
    return made


def _start_seconds(supervisors: fixture.Supervisors) -> float:
    start = time.perf_counter()
    peer = supervisors.start(*NETWORK, *NAMESPACE, *UNPRIVILEGED)
    peer.send(HELLO)
    peer.read_until(b'"ready"')
    taken = time.perf_counter() - start
    peer.process.kill()
    peer.process.communicate()
    return taken


def _run_seconds(reused: fixture.Reused) -> float:
    start = time.perf_counter()
    reused.run(["/bin/true"], "keepFiles")
    return time.perf_counter() - start


def _say_pairs(what: str, here: list[float], base: list[float]) -> None:
    differences = [1000 * (one - other) for one, other in zip(here, base, strict=True)]
    low, high = median_interval(differences)
    _say(
        f"{what}, {len(here)} pairs: {1000 * statistics.median(here):.3f} ms here, "
        f"{1000 * statistics.median(base):.3f} ms before; median difference "
        f"{statistics.median(differences):+.3f} ms [{low:+.3f}, {high:+.3f}]"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", help="the revision to compare with")
    parser.add_argument("--pairs", type=int, default=300, help="how many pairs (300)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloche-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        here = _supervisors(directory / "here", fixture.SUPERVISOR)
        if given.base:
            old = _checked_out(given.base, directory / "revision")
            base = _supervisors(directory / "base", old)
            both = [one.reused(*NETWORK) for one in (here, base)]
            runs = [[_run_seconds(one) for one in both] for _ in range(given.pairs)]
            _say_pairs("a program without sockets", *map(list, zip(*runs, strict=True)))
            starts = [
                [_start_seconds(one) for one in (here, base)] for _ in range(given.pairs // 5)
            ]
            _say_pairs("start to ready", *map(list, zip(*starts, strict=True)))
            base.close()
        result = here.reused(*NETWORK).python(_ROUND_TRIPS, timeout_seconds=60.0)
        trips, connections = map(float, result.stdout.split())
        _say(f"10,000 round trips: {trips:.3f} s; 1,000 connections: {connections:.3f} s")
        here.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

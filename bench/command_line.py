"""Measure what the command line costs: `cloche run hello.py` next to curl, and its first request.

`python bench/command_line.py [--times 50]`, with the installation that `make up` made. The first
request is measured without an installation: from the start of the process to the first byte that a
listening socket gets.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.install import env_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROOT = Path(__file__).parents[1]
_CLOCHE = (sys.executable, "-c", "from cloche_client.cli.main import main; main()")
"""What the installed script `cloche` does."""
_HELLO = 'print("hello")'
_BODY = json.dumps({"code": _HELLO, "language": "python"})


def main() -> int:
    """Print the medians in milliseconds."""
    parser = argparse.ArgumentParser(prog="command_line.py")
    parser.add_argument("--times", type=int, default=50, help="default 50")
    times: int = parser.parse_args().times
    found = env_file.read(_ROOT / ".cloche" / "env")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hello.py").write_text(_HELLO)
        rows: dict[str, Callable[[], float]] = {
            "start to first request": lambda: _first_request(folder)
        }
        if found is not None:
            environ = _environ(found.url, found.api_key)
            curl = (
                *("curl", "-sS", "-X", "POST", f"{found.url}/api/v1/execute"),
                *("-H", "Content-Type: application/json", "-H", f"X-API-Key: {found.api_key}"),
                *("-d", _BODY, "-o", "/dev/null"),
            )
            rows["curl POST /api/v1/execute"] = lambda: _wall(curl, folder, environ)
            run = (*_CLOCHE, "run", "hello.py")
            rows["cloche run hello.py"] = lambda: _wall(run, folder, environ)
            rows["cloche run -o json hello.py"] = lambda: _wall(
                (*_CLOCHE, "run", "-o", "json", "hello.py"), folder, environ
            )
        values: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(times):  # in turns, so that a drift of the machine favours none
            for name, measure in rows.items():
                values[name].append(measure() * 1000)
    for name, found_values in values.items():
        low, middle, high = statistics.quantiles(found_values, n=4)
        sys.stdout.write(f"{name:28} p50 {middle:6.1f} ms, p25 {low:6.1f}, p75 {high:6.1f}\n")
    return 0


def _environ(url: str, key: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(_ROOT / "client"),
        "CLOCHE_URL": url,
        "CLOCHE_API_KEY": key,
    }


def _wall(command: Sequence[str], folder: str, environ: dict[str, str]) -> float:
    """Return the seconds that a command takes. It must succeed."""
    began = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        check=True,
    )  # fmt: skip
    return time.perf_counter() - began


def _first_request(folder: str) -> float:
    """Return the seconds from the start of the command to the first byte of its request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environ = _environ(f"http://127.0.0.1:{listener.getsockname()[1]}", "clk_none")
        began = time.perf_counter()
        with subprocess.Popen(
            (*_CLOCHE, "run", "hello.py"), cwd=folder, env=environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                took = time.perf_counter() - began
            process.kill()
        return took


if __name__ == "__main__":
    sys.exit(main())

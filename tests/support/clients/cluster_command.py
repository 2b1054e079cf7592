"""The command line of the embedded cluster, called as by `make`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from support.data.names import ROOT

COMMAND = [sys.executable, "-m", "cloche_cluster", "--cluster", "embedded"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}/cluster:{ROOT}/crds"}


def cluster(*words: str) -> str:
    """Run an operation of the command line and return its output."""
    done = subprocess.run(
        [*COMMAND, *words], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def interrupted(*words: str, at: str) -> tuple[str, str]:
    """Run an operation, interrupt it at the first line that has `at`; return output and errors."""
    # A shell's background job ignores SIGINT, and these tests may run in one.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *COMMAND, *words],
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    before = []
    for line in process.stdout:
        before.append(line)
        if at in line:
            break
    process.send_signal(signal.SIGINT)
    rest, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, "".join(before) + rest + error
    return "".join(before) + rest, error

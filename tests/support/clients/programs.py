"""Programs that use a third-party client, run in the environment of that client."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support.data.names import ROOT

_PROGRAMS = ROOT / "tests" / "clients" / "programs"
_SECONDS = 240


def run_client(interpreter: Path, program: str, *arguments: str, given: Any = None) -> Any:
    """Run a program of tests/clients/programs and return the JSON that it prints.

    `given` is its standard input, as JSON. Proxies of the environment are not used.
    """
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "no_proxy": "*"}
    done = subprocess.run(
        [str(interpreter), str(_PROGRAMS / program), *arguments],
        input=json.dumps(given), capture_output=True, text=True, timeout=_SECONDS,
        check=False, env=environment, cwd=_PROGRAMS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)

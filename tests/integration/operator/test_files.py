"""The number of own files that a warm execution passes."""

from __future__ import annotations

import json
import subprocess
import sys

from support.data.names import ROOT
from support.fixtures.control_planes import ControlPlane

MOST = 22
"""Files of the operator. A change that needs another one has to merge two that are one subject."""


def test_a_warm_execution_passes_at_most_22_files_of_the_operator(
    control_plane: ControlPlane,
) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "operator_files.py"), str(control_plane.kubeconfig)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    files = json.loads(done.stdout)["cloche_operator"]
    assert "executions/lifecycle.py" in files
    assert len(files) <= MOST, "\n".join(files)

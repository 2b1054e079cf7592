"""Adapters of the client with the real packages, in separate environments."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.clients.client_package import Built
from support.clients.environments import python_environment
from support.fixtures.client.installed_client import InstalledClient
from support.fixtures.installation import Installation

PROGRAMS = Path(__file__).parent / "programs"


@pytest.mark.parametrize(
    ("environment", "program"),
    [("deepagents", "deepagents_sandbox.py"), ("inspect-ai", "inspect_eval.py")],
)
def test_a_framework_works_with_its_adapter(
    environment: str,
    program: str,
    built_client: Built,
    installation: Installation,
    tmp_path: Path,
) -> None:
    python = python_environment(environment)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"]
    subprocess.run([*pip, "--disable-pip-version-check", str(built_client.wheel)], check=True)
    client = InstalledClient(python.parent, installation, tmp_path)
    done = client.call("python", str(PROGRAMS / program))
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr

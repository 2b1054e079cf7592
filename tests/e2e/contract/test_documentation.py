"""The commands of the README, the quick start and the clients, run as their readers paste them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.documents import Block, blocks
from support.data.names import ROOT, SANDBOXES
from support.fixtures.installation import Installation

from cloche_cluster.components.go import find_go
from cloche_cluster.components.pins import COMMON_FLAGS

README, QUICK_START, CLIENTS = "README.md", "docs/user/quick-start.md", "docs/user/clients.md"
SHELL = frozenset({"sh", "bash", "console"})
NOT_RUN = frozenset({"make up", "make test", "make down"})
"""They would replace or remove the installation that the tests use."""
SECONDS = 300

PRINTS: dict[str, list[str]] = {
    "Quick start 1": [],
    "Run a program 1": [r'"stdout":"4\\n"', r'"exit_code":0', r'"reason":"Exited"'],
    "Pass input 1": [r'"stdout":"Hello Ada \[\'one\', \'two\'\]\\n"'],
    "Send files and get files back 1": [
        r'"files":\[\{"path":"out.txt","content_base64":"SEVMTE8="\}\],"files_truncated":false'
    ],
    "Send files and get files back 2": [r"[1-9]\d{3,} .* plot.png"],
    "Run in the background 1": [r'"status":"completed"', r'"stdout":"0\\n1\\n2\\n3\\n4\\n"'],
    "Watch the output 1": ["event: started", "event: stdout", "event: exit"],
    "Cancel 1": [r'"status":"cancelled"'],
    "Keep files in a session 1": [r'"stdout":"[^"]*20\d\d[^"]*\\n"', "cleaned up"],
    "Run several programs at once 1": [r'"stdout":"cba\\n"', r'"stdout":"42\\n"', r'"exit_code":3'],
    "List executions 1": [r'"executions":\[\{'],
    "Use kubectl 1": [r"Hello, World!\n4"],
    "Use kubectl 2": [r"NAME +LANGUAGE", "javascript", "KIND: +SandboxExecution"],
    "Use kubectl 3": ["condition met", "Hello again!"],
    "Use kubectl 4": [r"Hello, World!\n4", "sandboxexecution.cloche.dev/hello"],
    "Use kubectl 5": ["sandboxruntime.cloche.dev/python scaled"],
}
"""Patterns in what each block of the quick start prints."""


def shell_blocks(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in SHELL]


def block(page: str, language: str) -> str:
    """Return the only block of a page in this language."""
    (found,) = (one.text for one in blocks(page) if one.language == language)
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a directory with what the commands read; what they write stays out of the sources."""
    for name in (".cloche", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.fixture
def same_pool(kubectl: InstallationKubectl) -> Iterator[None]:
    """Restore the size of the Python pool."""
    size = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["pool"]["size"]
    yield
    patch = json.dumps({"spec": {"pool": {"size": size}}})
    kubectl("patch", "sbr", "python", "-n", SANDBOXES, "--type=merge", "-p", patch)


def bash(script: str, directory: Path) -> str:
    """Return what a script prints in a shell with the installation's environment."""
    wanted = "\n".join(line for line in script.splitlines() if line.strip() not in NOT_RUN)
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\nset -a; . .cloche/env; set +a\n{wanted}\n"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(installation: Installation) -> dict[str, str]:
    return os.environ | {"CLOCHE_URL": installation.url, "CLOCHE_API_KEY": installation.key}


@pytest.mark.usefixtures("same_pool")
@pytest.mark.parametrize("one", shell_blocks(QUICK_START), ids=lambda one: one.id)
def test_a_block_of_the_quick_start_prints_what_the_page_says(one: Block, checkout: Path) -> None:
    printed = bash(one.text, checkout)
    assert not [pattern for pattern in PRINTS[one.id] if not re.search(pattern, printed)], printed


def test_an_answer_has_the_fields_of_the_quick_start(checkout: Path) -> None:
    (command,) = (one for one in shell_blocks(QUICK_START) if one.id == "Run a program 1")
    documented = json.loads(block(QUICK_START, "json"))
    assert json.loads(bash(command.text, checkout)).keys() == documented.keys()


def session(text: str) -> tuple[str, str]:
    """Split a terminal session into the commands and what they print."""
    commands, printed, typing = list[str](), list[str](), False
    for line in text.splitlines():
        if line.startswith("$ ") or typing:
            commands.append(line.removeprefix("$ "))
            typing = line.endswith("\\") or "\n".join(commands).count("'") % 2 == 1
        else:
            printed.append(line)
    return "\n".join(commands), "\n".join(printed)


def test_the_readme_has_two_terminal_sessions() -> None:
    assert [one.id for one in shell_blocks(README)] == ["Try it 1", "In kubectl 1"]


def test_the_first_program_of_the_readme_gets_the_answer_that_it_shows(checkout: Path) -> None:
    commands, shown = session(shell_blocks(README)[0].text)
    answer, expected = json.loads(bash(commands, checkout)), json.loads(shown)
    assert answer.keys() == expected.keys()
    for field in ("stdout", "stderr", "exit_code", "language", "session_id", "reason"):
        assert answer[field] == expected[field]


def test_the_readme_shows_the_columns_of_kubectl(checkout: Path) -> None:
    commands, shown = session(shell_blocks(README)[1].text)
    printed = bash(f'export PATH="$PWD/.cloche/bin:$PATH"\n{commands}', checkout)
    assert printed.splitlines()[0].split() == shown.splitlines()[0].split()


@pytest.mark.parametrize(
    "one", [one for one in blocks(CLIENTS) if one.language == "bash"], ids=lambda one: one.id
)
def test_the_client_in_bash_runs_a_program(one: Block, checkout: Path) -> None:
    assert r'"stdout":"4\n"' in bash(one.text, checkout)


def test_the_client_in_python_runs_a_program(installation: Installation) -> None:
    command = [sys.executable, "-c", block(CLIENTS, "python")]
    done = subprocess.run(
        command, env=environment(installation), capture_output=True, timeout=SECONDS, check=True
    )
    assert done.stdout == b"4\n 0\n"


def test_the_client_in_go_runs_a_program(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "run.go").write_text(block(CLIENTS, "go"), encoding="utf-8")
    # The flags of the cluster's own programs: with these the standard library is already compiled.
    done = subprocess.run(
        [find_go(), "run", *COMMON_FLAGS, "run.go"],
        cwd=tmp_path,
        env=environment(installation) | {"CGO_ENABLED": "0", "GOWORK": "off", "GO111MODULE": "off"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.stdout.startswith("200 4\n"), done.stderr


@pytest.mark.parametrize(
    ("language", "installed", "error"),
    [("js", "javascript", "fetch failed"), ("java", "java", "Exception")],
)
def test_the_client_compiles_and_fails_where_there_is_no_network(
    http: httpx.Client, language: str, installed: str, error: str
) -> None:
    # The machine may have neither Node.js nor Java, but Cloche's images do.
    request: dict[str, Any] = {
        "code": block(CLIENTS, language),
        "language": installed,
        "environment": {"CLOCHE_URL": "http://127.0.0.1:1", "CLOCHE_API_KEY": "none"},
        "timeout": 60,
    }
    answer = http.post("/api/v1/execute", json=request)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["exit_code"] == 1
    assert error in answer.json()["stderr"]

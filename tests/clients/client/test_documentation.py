"""The examples of the pages of the client, run as their readers paste them."""

from __future__ import annotations

import subprocess

import pytest
from support.data.documents import Block, blocks
from support.fixtures.client.installed_client import InstalledClient

CLI, PYTHON = "docs/user/cli.md", "docs/user/python-client.md"
PRINTS = {
    "Python client 1": "4\n 0\n",
    "Run a program 1": "results/out.txt 2 x input\n",
    "While it runs 1": "0\n1\n2\nexit code 0\nTrue\ndone\n\n",
    "Sessions and batches 1": "b'6'\n0\n\n1\n\n4\n\n",
    "asyncio 1": "['0\\n', '1\\n', '2\\n']\n/workspace\n\nStarted\nStdout\nExit\n",
}
"""What each program of the page of the Python client prints."""


def commands(one: Block) -> tuple[str, str]:
    """Split a terminal session into its commands and what they print."""
    lines = one.text.splitlines()
    typed = [line[2:] for line in lines if line.startswith("$ ")]
    return "\n".join(typed), "".join(f"{line}\n" for line in lines if not line.startswith("$ "))


def sessions() -> list[Block]:
    """Return the sessions that run programs; the others install, or change the cluster."""
    found = [one for one in blocks(CLI) if one.language == "console"]
    return [one for one in found if one.heading == "Run a program"]


def test_the_sessions_of_the_command_line_print_what_the_page_shows(
    installed_client: InstalledClient,
) -> None:
    assert len(sessions()) == 3
    for one in sessions():  # the later ones use files of the earlier ones
        typed, shown = commands(one)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed], cwd=installed_client.here,
            env=installed_client.environ(), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == (shown, 0), done.stderr


@pytest.mark.parametrize(
    "one", [one for one in blocks(PYTHON) if one.language == "python"], ids=lambda one: one.id
)
def test_an_example_of_the_python_client_prints_what_it_should(
    one: Block, installed_client: InstalledClient
) -> None:
    done = installed_client.call("python", "-c", one.text)
    assert (done.stdout, done.returncode) == (PRINTS[one.id], 0), done.stderr

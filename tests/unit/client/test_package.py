"""The package as a whole: its version, its public names, what a command imports."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.data.names import ROOT

import cloche_client
import cloche_gateway


def test_the_client_has_the_version_of_the_gateway() -> None:
    assert cloche_client.__version__ == cloche_gateway.__version__


def test_the_package_contains_the_license_of_the_repository() -> None:
    assert (ROOT / "client" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", sorted(set(cloche_client.__all__) - {"__version__"}))
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(cloche_client, name) is not None
    assert name == "__version__" or name in cloche_client._HOME


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Clint'"):
        _ = cloche_client.Clint


def test_a_command_imports_nothing_slow_that_it_does_not_need() -> None:
    # The import of httpx takes longer than the whole command, the others 2 to 10 ms.
    program = (
        "import sys\n"
        "from cloche_client.cli.main import call\n"
        "from cloche_client.cli.parser import parser\n"
        "import cloche_client.cli.commands.run, cloche_client.blocking.client\n"
        "parser('cloche')\n"
        "slow = {'httpx', 'asyncio', 'importlib.metadata', 'urllib.request', 'tomllib',\n"
        "        'shutil', 'uuid'}\n"
        "print(sorted(slow & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"

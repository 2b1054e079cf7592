"""The Python client, built and installed as its users do, with the real installation."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.clients.client_package import Built, install, newest_python, wheel_of_sdist
from support.fixtures.client.installed_client import InstalledClient
from support.fixtures.installation import Installation

PROGRAM = Path(__file__).parent / "programs" / "python_client.py"


@pytest.fixture(scope="module")
def newest_bin(built_client: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment of Python 3.13 with the wheel that the sdist gives."""
    folder = tmp_path_factory.mktemp("newest")
    wheel = wheel_of_sdist(built_client.sdist, folder)
    return install(wheel, newest_python())


def test_wheel_and_sdist_contain_the_package_and_nothing_else(built_client: Built) -> None:
    with zipfile.ZipFile(built_client.wheel) as archive:
        wheel = {name.partition("/")[0] for name in archive.namelist()}
        assert "cloche_client/py.typed" in archive.namelist()
    assert wheel == {"cloche_client", f"{built_client.wheel.name[:19]}.dist-info"}
    with tarfile.open(built_client.sdist) as archive:
        sdist = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert sdist == {"cloche_client", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"} | (
        sdist & {".gitignore"}
    )


def test_the_client_works_with_the_oldest_supported_python(
    installed_client: InstalledClient,
) -> None:
    done = installed_client.call("python", str(PROGRAM))
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_the_client_works_with_the_newest_python(
    newest_bin: Path, installation: Installation, tmp_path: Path
) -> None:
    client = InstalledClient(newest_bin, installation, tmp_path)
    assert client.call("python", "-V").stdout.startswith("Python 3.13")
    done = client.call("python", str(PROGRAM))
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    assert client.cloche("run", "-c", "print(1)") == "1\n"


def test_a_users_program_is_checked_with_the_types_of_the_package(client_bin: Path) -> None:
    program = (
        "from cloche_client import Client, Result, Stdout\n"
        "with Client() as client:\n"
        "    result: Result = client.run('x', timeout=1, files=['a'])\n"
        "    texts: list[str] = [e.text for e in client.stream('x') if isinstance(e, Stdout)]\n"
        "    client.run('x', timout=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable",
         str(client_bin / "python"), "--config-file=", "-c", program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert '5: error: Unexpected keyword argument "timout"' in done.stdout
    assert "Found 1 error" in done.stdout, done.stdout

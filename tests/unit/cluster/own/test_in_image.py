"""What runs within an image, with fake package managers that print what the real ones print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cloche_cluster.own import in_image

APT_GET = """#!/bin/sh
case "$*" in
*--print-uris*)
  echo "'http://deb.example.com/pool/g/graphviz_2.42-1_amd64.deb' graphviz_2.42-1_amd64.deb 9 MD5Sum:0"
  echo "'http://deb.example.com/pool/l/libgvc6_1%3a2.42-1_all.deb' libgvc6_1%3a2.42-1_all.deb 9 MD5Sum:0" ;;
*absent*) echo "E: Unable to locate package absent" >&2; exit 100 ;;
*libgvc6=*) echo "E: Version '1.0' for 'libgvc6' was not found" >&2; exit 100 ;;
*) echo "$*" >> "$(dirname "$0")/calls" ;;
esac
"""  # noqa: E501  as apt prints it
APT_CACHE = """#!/bin/sh
cat << END
Package: graphviz
Version: 2.42-1
SHA256: aa
Description: graphs

Package: libgvc6
Version: 1:2.42-1
SHA256: bb
END
"""
LOCKED = ["graphviz=2.42-1 sha256:aa", "libgvc6=1:2.42-1 sha256:bb"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"apt-get": APT_GET, "apt-cache": APT_CACHE}.items():
        program = tmp_path / name
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "lock").mkdir()
    monkeypatch.setattr(in_image, "_OWN", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("programs")
def test_debian_packages_are_locked_with_what_they_require() -> None:
    assert in_image._apt_files(["graphviz"]) == LOCKED


def test_a_version_that_debian_no_longer_has_is_a_problem(programs: Path) -> None:
    (programs / "lock" / "apt.txt").write_text("\n".join([*LOCKED, "libc6=2.41 sha256:cc"]))
    with pytest.raises(in_image.ProblemError, match=r"APT: Debian no longer has libgvc6 1\.0: run"):
        in_image._apt_install()


def test_another_file_under_the_same_version_is_a_problem(programs: Path) -> None:
    (programs / "lock" / "apt.txt").write_text("\n".join([LOCKED[0], LOCKED[1][:-1] + "c"]))
    with pytest.raises(
        in_image.ProblemError, match=r"^APT: libgvc6=1:2\.42-1 differs from the lock"
    ):
        in_image._apt_install()
    assert not (programs / "calls").exists()


@pytest.mark.usefixtures("programs")
def test_a_problem_is_the_last_line_of_the_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["in_image.py", "lock"])
    monkeypatch.setattr(in_image, "lock", lambda: in_image._tools("absent"))
    assert in_image.main() == 1
    assert capsys.readouterr().err == "PROBLEM: APT: Debian has no package absent: check its name\n"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "ERROR: No matching distribution found for simpi",
            "PIP: there is no wheel of simpi for this Python",
        ),
        ("npm error 404  'dayj@*' is not in this registry.", "NPM: there is no package dayj@*"),
        ("No matching version found for dayjs@99.", "NPM: there is no dayjs@99: check"),
        ("Could not find a valid gem 'mony' (>= 0)", "GEM: there is no mony: check its name"),
        ("Could not find artifact a.b:c:jar:9 in central", "MAVEN: there is no a.b:c:9: check"),
        ("Unable to download data from https://x/", "GEM: https://x/ cannot be reached"),
        ("something else", "sh failed: something else"),
    ],
    ids=["pip", "npm", "npm-version", "gem", "maven", "network", "other"],
)
def test_what_a_package_manager_prints_becomes_a_sentence(said: str, sentence: str) -> None:
    with pytest.raises(in_image.ProblemError) as error:
        in_image._run("sh", "-c", 'echo "$1" >&2; exit 1', "sh", said)
    assert str(error.value).startswith(sentence)

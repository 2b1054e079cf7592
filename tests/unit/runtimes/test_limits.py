"""How compilers use the memory limit, and which linker links.

The scripts run with other paths; tests/languages runs them in their images.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

RUNTIMES = Path(__file__).parents[3] / "runtimes"
_RECORDED = """#!/bin/sh
echo "GOGC=$GOGC GOMEMLIMIT=$GOMEMLIMIT" > "$0.calls"
mkdir -p .js
"""
_LINKER = """#!/bin/sh
echo "${0##*/}: $*" >> "${0%%/*}/calls"
echo "a message of ${0##*/}"
exit %d
"""


def _script(path: str, directory: Path, folder: str) -> Path:
    """Copy a script of `runtimes/` that finds its programs in `directory` instead of `folder`."""
    text = (RUNTIMES / path).read_text().replace(folder, str(directory))
    script = directory / Path(path).name
    script.write_text(text)
    script.chmod(0o755)
    return script


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("kib", "expected"),
    [(524288, "GOGC=off GOMEMLIMIT=393216KiB\n"), (131072, "GOGC= GOMEMLIMIT=\n")],
)
def test_the_compiler_of_typescript_collects_garbage_by_its_memory_limit(
    tmp_path: Path, kib: int, expected: str
) -> None:
    compile_typescript = _script("typescript/compile", tmp_path, "/opt/typescript")
    _program(tmp_path / "tsc", _RECORDED)
    (tmp_path / "main.ts").write_text("export {};\n")
    words = ["sh", "-c", f"ulimit -S -s {kib} && exec {compile_typescript} main.ts"]
    subprocess.run(words, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, check=True)
    assert (tmp_path / "tsc.calls").read_text() == expected


@pytest.mark.parametrize(("status", "linkers"), [(0, ["mold"]), (1, ["mold", "ld"])])
def test_what_mold_cannot_link_is_linked_by_gnu_ld(
    tmp_path: Path, status: int, linkers: list[str]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    _program(programs / "mold", _LINKER % status)
    _program(programs / "ld", _LINKER % 3)
    script = tmp_path / "ld"
    script.write_text((RUNTIMES / "c" / "ld").read_text().replace("/usr/bin", str(programs)))
    script.chmod(0o755)
    done = subprocess.run([script, "-o", "two words"], capture_output=True, check=False)
    calls = (programs / "calls").read_text().splitlines()
    assert [call.partition(":")[0] for call in calls] == linkers
    assert all(call.endswith("-o two words") for call in calls)
    assert (done.returncode, done.stdout) == ((3, b"a message of ld\n") if status else (0, b""))

"""Which files the compile scripts of C and C++ pass to their compilers.

The compilers are replaced by scripts that record their arguments; tests/languages runs real ones.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

RUNTIMES = Path(__file__).parents[3] / "runtimes"
_COMPILER = """#!/bin/sh
echo "${0##*/} $*" >> "$CALLS"
while [ "$#" -gt 0 ]; do
  [ "$1" != -o ] || : > "$2"
  shift
done
"""
# A unit has a function `main` here if its name contains the word.
_NM = """#!/bin/sh
for last; do :; done
grep -q "/${last##*/} .*main" "$CALLS" && echo "0 T main"
exit 0
"""


class Compilers:
    """A working directory and compilers that record their calls."""

    def __init__(self, directory: Path) -> None:
        self.workspace = directory / "workspace"
        self._calls = directory / "calls"
        self._programs = directory / "bin"
        self.workspace.mkdir()
        self._programs.mkdir()
        for name, text in (("gcc", _COMPILER), ("g++", _COMPILER), ("nm", _NM)):
            (self._programs / name).write_text(text)
            (self._programs / name).chmod(0o755)

    def calls(self, files: dict[str, str], *command: str) -> list[str]:
        """Write the files, run a script of `runtimes/`, and return the compilers' command lines."""
        for name, text in files.items():
            path = self.workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        script, *arguments = command
        environment = {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "CALLS": str(self._calls),
        }
        subprocess.run(
            [RUNTIMES / script, *arguments], cwd=self.workspace, env=environment, check=True
        )
        return self._calls.read_text().splitlines()

    def units(self, files: dict[str, str]) -> list[str]:
        """Return the units of a C++ program that are compiled to objects, and those linked."""
        *compiled, linked = self.calls(files, "c/compile", "main.cpp", "g++")
        objects = {words.split()[-2]: words.split()[-1] for words in compiled}
        return [objects[word] for word in linked.split() if word in objects]


@pytest.fixture
def compilers(tmp_path: Path) -> Compilers:
    return Compilers(tmp_path)


def test_a_single_file_is_one_call_of_the_compiler(compilers: Compilers) -> None:
    files = {"main.c": "int main(void) {}", "notes.txt": "", "own.h": ""}
    calls = compilers.calls(files, "c/compile", "main.c", "gcc", "-O2")
    assert calls == ["gcc -O2 -B/opt/gcc/ -idirafter . -o .main main.c -lm"]


def test_a_folder_without_sources_leaves_one_call_of_the_compiler(compilers: Compilers) -> None:
    files = {"main.c": "", "data/numbers.txt": "", "parts/list.cpp": "", ".old/more.c": ""}
    (call,) = compilers.calls(files, "c/compile", "main.c", "gcc", "-O2")
    assert call.endswith(" -o .main main.c -lm")


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("#include <omp.h>", ["-fopenmp"]),
        ("  # pragma omp parallel for", ["-fopenmp"]),
        ("// see omp.h", []),
        ("int omp;", []),
    ],
)
def test_openmp_is_linked_where_the_main_file_uses_it(
    compilers: Compilers, line: str, options: list[str]
) -> None:
    (call,) = compilers.calls({"main.cpp": f"{line}\n"}, "c/compile", "main.cpp", "g++")
    assert [word for word in call.split() if word.startswith("-f")] == options


@pytest.mark.parametrize(
    ("name", "text", "compiled"),
    [
        ("main.cpp", "// first\n#include <iostream>\n", True),
        ("main.cpp", "# include<bits/stdc++.h>\n#include <vector>\n", True),
        ("main.cpp", "#include <vector>\n#include <iostream>\n", False),
        ("main.cpp", "#include <iostream>\n#include <omp.h>\n", False),
        ("main.c", "#include <iostream>\n", False),
    ],
)
def test_a_compiled_header_is_for_cpp_that_includes_it_first(
    compilers: Compilers, *, name: str, text: str, compiled: bool
) -> None:
    compiler = "g++" if name == "main.cpp" else "gcc"
    (call,) = compilers.calls({name: text}, "c/compile", name, compiler)
    assert ("-isystem /opt/gcc/headers" in call) == compiled


def test_messages_are_those_without_a_compiled_header(compilers: Compilers) -> None:
    failing = compilers.workspace.parent / "bin" / "g++"
    failing.write_text(f'{_COMPILER}echo "an error: $*" >&2; exit 3\n')
    (compilers.workspace / "main.cpp").write_text("#include <iostream>\n")
    environment = {"PATH": f"{failing.parent}:{os.environ['PATH']}", "CALLS": "../calls"}
    done = subprocess.run(
        [RUNTIMES / "c" / "compile", "main.cpp", "g++"],
        cwd=compilers.workspace,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr == "an error: \n"
    assert len((compilers.workspace.parent / "calls").read_text().splitlines()) == 2


def test_headers_are_compiled_with_the_options_of_programs() -> None:
    """GCC does not use a header that was compiled with others."""
    runtime = yaml.safe_load((RUNTIMES / "cpp" / "runtime.yaml").read_text())
    options = " ".join(runtime["spec"]["compile"]["command"][2:])
    assert f"{options} -x c++-header" in (RUNTIMES / "cpp" / "Dockerfile").read_text()


def test_units_in_folders_are_linked_after_the_main_file(compilers: Compilers) -> None:
    files = {"main.cpp": "", "zoo.cc": "", "lib/util.cpp": "", "lib/.hidden/x.cpp": "", "a/b.h": ""}
    assert compilers.units(files) == ["main.cpp", "lib/util.cpp", "zoo.cc"]
    assert not (compilers.workspace / ".objects").exists()


def test_a_unit_that_another_file_includes_is_not_compiled(compilers: Compilers) -> None:
    files = {
        "main.cpp": '#include "./parts/list.cpp"\n',
        "parts/list.cpp": '#include "../tree.cpp"\n',
        "tree.cpp": "",
        "parts/tail.cpp": '// see "list.cpp"\n',
        "other/tail.cpp": '#include "main.cpp"\n',
    }
    assert compilers.units(files) == ["main.cpp", "other/tail.cpp", "parts/tail.cpp"]


def test_a_further_unit_with_a_main_function_is_not_linked(compilers: Compilers) -> None:
    files = {"main.cpp": "", "tools/main_too.cpp": "", "util.cpp": ""}
    assert compilers.units(files) == ["main.cpp", "util.cpp"]


def test_c_in_a_program_of_cpp_is_compiled_as_c(compilers: Compilers) -> None:
    files = {"main.cpp": "", "fast.c": ""}
    calls = compilers.calls(files, "c/compile", "main.cpp", "g++", "-O2")
    assert [call.split()[0] for call in calls] == ["g++", "gcc", "g++"]


def test_a_failed_unit_ends_the_compilation_and_leaves_no_objects(compilers: Compilers) -> None:
    failing = compilers.workspace.parent / "bin" / "g++"
    failing.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        compilers.calls({"main.cpp": "", "lib/a.cpp": ""}, "c/compile", "main.cpp", "g++")
    assert raised.value.returncode == 3
    assert not (compilers.workspace / ".objects").exists()

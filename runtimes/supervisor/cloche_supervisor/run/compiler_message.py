"""Extract the line of a compiler's output that names the error."""

from __future__ import annotations

import re

LINE_CHARACTERS = 500

_NO_CAUSE = re.compile(
    # A driver's report of another program: `collect2: error: ld returned 1 exit status`,
    # `error: linking with `cc` failed`, `error: aborting due to 2 previous errors`.
    r"\bld returned \d+ exit status|^error: (linking with|aborting due to) "
    # A quoted line of the source: `   12 | puts("error: no");`.
    r"|^ *\d* \| "
)
_PATTERNS = (
    # Python and Node.js: `SyntaxError: …`, but not the quoted source line above it.
    re.compile(r"^(Uncaught )?[A-Za-z]*(Error|Exception): "),
    # gcc, rustc, tsc, javac, csc, php: `…: error: …`, `error[E0425]: …`, `error TS1005: …`.
    re.compile(r"\berror( [A-Z]+\d+|\[\w+\])?:|\bsyntax error\b", re.IGNORECASE),
    # ld: `main.cpp:(.text+0x9): undefined reference to `f()'`, `multiple definition of …`.
    re.compile(r"\b(undefined reference to|multiple definition of|cannot find -l) ?\S"),
    # go: `./main.go:4:2: undefined: x`, `relocation target main.f not defined`.
    re.compile(r"^\S+:\d+:(\d+:)? \S|: relocation target \S+ not defined"),
    re.compile(r"\S"),
)


def first_line(output: bytes | bytearray) -> str:
    """Return the first line with an error, else the first non-blank line, else a fixed text.

    A driver's report and a quoted line of the source are the last choice.
    """
    lines = output.decode(errors="replace").split("\n")
    causes = [line for line in lines if not _NO_CAUSE.search(line)]
    for among in (causes, lines):
        for pattern in _PATTERNS:
            for number, line in enumerate(among):
                if pattern.search(line):
                    return _with_symbol(line.strip(), among[number + 1 :])[:LINE_CHARACTERS]
    return "the compiler gave no reason"


def _with_symbol(line: str, following: list[str]) -> str:
    """Return javac's `cannot find symbol` with the name, which is on the next line."""
    if following and line.endswith("cannot find symbol"):
        label, _, name = following[0].partition(":")
        if label.strip() == "symbol":
            return f"{line}: {name.strip()}"
    return line

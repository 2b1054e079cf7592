"""Extract the line of a compiler's output that names the error."""

from __future__ import annotations

import re

LINE_CHARACTERS = 500

_PATTERNS = (
    # Python and Node.js: `SyntaxError: …`, but not the quoted source line above it.
    re.compile(r"^(Uncaught )?[A-Za-z]*(Error|Exception): "),
    # gcc, rustc, tsc, javac, csc, php: `…: error: …`, `error[E0425]: …`, `error TS1005: …`.
    re.compile(r"\berror( [A-Z]+\d+|\[\w+\])?:|\bsyntax error\b", re.IGNORECASE),
    re.compile(r"\S"),
)


def first_line(output: bytes | bytearray) -> str:
    """Return the first line with an error, else the first non-blank line, else a fixed text."""
    lines = output.decode(errors="replace").split("\n")
    for pattern in _PATTERNS:
        for line in lines:
            if pattern.search(line):
                return line.strip()[:LINE_CHARACTERS]
    return "the compiler gave no reason"

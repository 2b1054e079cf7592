"""The language of a program, by the suffix of its file or its first line."""

from __future__ import annotations

import re
from pathlib import PurePath

SUFFIXES = {
    ".bash": "bash",
    ".c": "c",
    ".cc": "cpp",
    ".cjs": "javascript",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".cts": "typescript",
    ".cxx": "cpp",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".mjs": "javascript",
    ".mts": "typescript",
    ".php": "php",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "bash",
    ".sql": "sql",
    ".sqlite": "sqlite",
    ".ts": "typescript",
}
_INTERPRETERS = {
    "bash": "bash",
    "dash": "bash",
    "node": "javascript",
    "nodejs": "javascript",
    "php": "php",
    "psql": "sql",
    "python": "python",
    "ruby": "ruby",
    "sh": "bash",
    "sqlite": "sqlite",
    "ts-node": "typescript",
    "tsx": "typescript",
}
_ENV = re.compile(r"^#!\s*(?:/\S*/)?env\s+(?:-\S+\s+|\w+=\S*\s+)*(?P<name>\S+)")
_DIRECT = re.compile(r"^#!\s*(?:\S*/)?(?P<name>\S+)")


def by_suffix(path: str) -> str | None:
    """Return the language of a file's name, None if its suffix is unknown."""
    return SUFFIXES.get(PurePath(path).suffix.lower())


def by_first_line(code: str) -> str | None:
    """Return the language of the interpreter in a `#!` line, None if it is not known."""
    line = code.partition("\n")[0].rstrip("\r")
    found = _ENV.match(line) or _DIRECT.match(line)
    if found is None:
        return None
    name = found["name"].rpartition("/")[2]
    return _INTERPRETERS.get(re.sub(r"[\d.]+$", "", name))

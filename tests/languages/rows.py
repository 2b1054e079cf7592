"""The rows of the table that every language is tested by, as requests for POST /api/v1/execute.

The first five rows are the examples of `runtimes/LANGUAGE/examples`; the programs of the others are
in `programs/LANGUAGE`. Where a language lacks a feature, its program shows what it has instead, and
see docs/user/languages.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.data.names import ROOT

EXTENSIONS = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "java": "java",
    "go": "go",
    "rust": "rs",
    "c": "c",
    "cpp": "cpp",
    "csharp": "cs",
    "ruby": "rb",
    "php": "php",
    "sql": "sql",
    "bash": "sh",
    "sqlite": "sql",
}
EXAMPLES = ("hello", "stdin", "arguments", "environment", "exit_code")
LINE = "héllo ∑ 漢字 🎈"
OWN_POD = {"timeout", "out_of_memory"}
"""Rows that run in a separate Pod, because they end their program by force."""
_OUT_OF_MEMORY_SECONDS = 60
_FIELDS: dict[str, dict[str, Any]] = {
    "unicode": {"stdin": f"{LINE}\n"},
    "read_file": {"files": [{"path": "data/numbers.txt", "content": "one\nzwölf\n"}]},
    "write_file": {"output_files": ["*.txt"]},
    "timeout": {"timeout": 2, "compile_timeout": 60},
    "out_of_memory": {"timeout": _OUT_OF_MEMORY_SECONDS},
}
"""What a row's request has besides code and language."""


@dataclass(frozen=True)
class Row:
    """One program of one language."""

    language: str
    name: str

    def __str__(self) -> str:
        return f"{self.language}-{self.name}"

    @property
    def has_own_pod(self) -> bool:
        """Whether it must not run in the session of its language."""
        return self.name in OWN_POD

    @property
    def example(self) -> dict[str, Any]:
        """The description of an example: its input and its expected output."""
        text = self._example_file.read_text(encoding="utf-8")
        described: dict[str, Any] = yaml.safe_load(text)
        return described

    @property
    def request(self) -> dict[str, Any]:
        """The request's body."""
        extension = EXTENSIONS[self.language]
        if self.name in EXAMPLES:
            file = self._example_file.with_suffix(f".{extension}")
            names = ("args", "stdin", "environment")
            fields = {name: self.example[name] for name in names if name in self.example}
        else:
            file = Path(__file__).parent / "programs" / self.language / f"{self.name}.{extension}"
            fields = _FIELDS.get(self.name, {})
        return {"code": file.read_text(encoding="utf-8"), "language": self.language, **fields}

    @property
    def has_program(self) -> bool:
        """Whether the language has the row: not every language has every example."""
        return self.name not in EXAMPLES or self._example_file.exists()

    @property
    def _example_file(self) -> Path:
        return ROOT / "runtimes" / self.language / "examples" / f"{self.name}.yaml"

    @property
    def is_compiled(self) -> bool:
        """Whether the language has a compiler."""
        runtime = ROOT / "runtimes" / self.language / "runtime.yaml"
        return "compile" in yaml.safe_load(runtime.read_text(encoding="utf-8"))["spec"]


def of_languages_with(name: str) -> Callable[..., Any]:
    """Parametrize a test with this row of the languages that have a program for it, as `row`."""
    found = sorted((Path(__file__).parent / "programs").glob(f"*/{name}.*"))
    return pytest.mark.parametrize("row", [Row(one.parent.name, name) for one in found], ids=str)


def of_every_language(*names: str) -> Callable[..., Any]:
    """Parametrize a test with these rows of every language, as `row`."""
    rows = [Row(language, name) for language in EXTENSIONS for name in names]
    return pytest.mark.parametrize("row", [row for row in rows if row.has_program], ids=str)

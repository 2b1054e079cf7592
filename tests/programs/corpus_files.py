"""The corpus: programs as people and models write them, each with its request and its answer.

`corpus/LANGUAGE/AUTHORS.yaml` maps the name of a program to its fields, see `Program`. The expected
answer was written before the program's first run. Correct it only if it contradicts the language or
this repository's documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

CORPUS = Path(__file__).parent / "corpus"
AUTHORS = ("agents", "courses", "judges", "reports")
"""The writers of such programs. Those of `reports` come from bug reports of comparable services."""
Kind = Literal[
    "source as saved",
    "modules and files",
    "entry points",
    "locale and time zone",
    "fonts",
    "machine",
    "memory of the machine",
    "localhost",
    "verdicts",
    "limits",
    "output",
    "packages",
    "data",
    "text",
    "processes",
    "objects",
    "input loop",
    "threads",
    "fast input",
    "recursion",
    "arithmetic",
]
Saved = Literal["bom", "crlf", "no last newline"]
_BYTE_ORDER_MARK = "\ufeff"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Numbers(_Strict):
    """Standard input of judges: a line with the count, then one with that many numbers."""

    count: int
    modulus: int
    """Number i, counted from 0, is i * i % modulus."""

    def text(self) -> str:
        """Return the two lines."""
        numbers = " ".join(str(i * i % self.modulus) for i in range(self.count))
        return f"{self.count}\n{numbers}\n"


class Expected(_Strict):
    """The answer. What has no field here may have any value."""

    status: int = 200
    exit_code: int | None = 0
    """None accepts each one."""
    reason: tuple[str, ...] = ("Exited",)
    detail: tuple[str, ...] = ()
    """Parts of an error's `detail`."""
    stdout: str | None = None
    stdout_contains: tuple[str, ...] = ()
    stdout_matches: str | None = None
    """A regular expression for all of the output."""
    stderr: str | None = ""
    """None accepts each one."""
    stderr_contains: tuple[str, ...] = ()
    stderr_lacks: tuple[str, ...] = ()
    files: dict[str, str | None] | None = None
    """The text of each returned file by its path; None for a file with some content."""
    files_omitted: dict[str, int] | None = None
    """The size of each file that did not fit."""
    at_least: dict[str, float] = Field(default_factory=dict)
    at_most: dict[str, float] = Field(default_factory=dict)
    """Bounds of numbers, by their dotted name: `usage.max_memory_bytes`."""


class Program(_Strict):
    """One program of the corpus."""

    language: str
    author: str
    name: str
    kind: Kind
    about: str
    """The need or the complaint that it represents."""
    code: str
    saved: tuple[Saved, ...] = ()
    """How an editor saved the code and the texts of its files."""
    stdin_numbers: Numbers | None = None
    request: dict[str, Any] = Field(default_factory=dict)
    """All other fields of the request."""
    expect: tuple[Expected, ...]
    """The answers of which one is required."""

    def __str__(self) -> str:
        return f"{self.language}-{self.name}"

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /api/v1/execute."""
        body = {"language": self.language, "code": self._as_saved(self.code), **self.request}
        if self.saved and "files" in body:
            body["files"] = [
                {**file, "content": self._as_saved(file["content"])} if "content" in file else file
                for file in body["files"]
            ]
        if self.stdin_numbers is not None:
            body["stdin"] = self.stdin_numbers.text()
        return body

    def _as_saved(self, text: str) -> str:
        if "no last newline" in self.saved:
            text = text.removesuffix("\n")
        if "crlf" in self.saved:
            text = text.replace("\n", "\r\n")
        return _BYTE_ORDER_MARK + text if "bom" in self.saved else text


def programs(corpus: Path = CORPUS) -> list[Program]:
    """Return all programs, by language, author and name."""
    return [
        _program(file, name, fields)
        for file in sorted(corpus.glob("*/*.yaml"))
        for name, fields in yaml.safe_load(file.read_text(encoding="utf-8")).items()
    ]


def _program(file: Path, name: str, fields: dict[str, Any]) -> Program:
    """Build a program from its fields in a file. Raises pydantic's ValidationError."""
    answers = fields.pop("expect")
    return Program(
        language=file.parent.name,
        author=file.stem,
        name=name,
        expect=tuple(answers) if isinstance(answers, list) else (answers,),
        **fields,
    )

"""The input of a program: its source, arguments, standard input, environment and files.

It is in the spec of the SandboxExecution or, if it is large, in a separate SandboxSource.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from cloche_api import limits
from cloche_api.resources.base import Resource, rules

_PATH_RULES = rules(
    (
        "!self.startsWith('/') && self.split('/').all(p, p != '' && p != '.' && p != '..')",
        "must be a relative path without empty, '.' or '..' parts",
    ),
    ("!self.contains('\\u0000')", "must not contain a NUL character"),
)


FilePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=limits.FILE_PATH_CHARACTERS),
    Field(json_schema_extra=_PATH_RULES),
]
"""A relative path in the working directory, without `..`."""


SCRATCH = ".tmp"
"""The directory in the working directory to which /tmp of a program leads."""
_PLACES = {
    "/workspace/": "",
    "/mnt/data/": "",
    "/home/user/": "",
    "/tmp/": f"{SCRATCH}/",  # noqa: S108 - the name of a program's directory
}
"""Absolute names of the working directory and of directories in it."""
PATTERN_RULE = (
    "must be a relative path without empty, '.' or '..' parts, "
    "or such a path below /workspace, /mnt/data, /home/user or /tmp"
)
OutputPattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=limits.FILE_PATH_CHARACTERS),
    Field(
        json_schema_extra=rules(
            (
                (
                    f"(self.matches('^({'|'.join(_PLACES)})') ? self.substring(1) : self)"
                    ".split('/').all(p, p != '' && p != '.' && p != '..')"
                ),
                PATTERN_RULE,
            ),
            ("!self.contains('\\u0000')", "must not contain a NUL character"),
        )
    ),
]
"""A glob pattern of files in the working directory or in /tmp."""


def in_working_directory(pattern: str) -> str:
    """Return an output pattern relative to the working directory, if it is absolute."""
    for place, directory in _PLACES.items():
        if pattern.startswith(place):
            return directory + pattern[len(place) :]
    return pattern


_FILES_SIZE = (
    "FILES.map(f, has(f.content) ? f.content.size() : "
    "has(f.contentBase64) ? f.contentBase64.size() * 3 / 4 : 0).sum()"
)


SIZE_RULE = (
    " + ".join(
        (
            "(has(self.code) ? self.code.size() : 0)",
            "(has(self.stdin) ? self.stdin.size() : 0)",
            "(has(self.args) ? self.args.map(a, a.size()).sum() : 0)",
            (
                "(has(self.environment) ? "
                "self.environment.map(k, k.size() + self.environment[k].size()).sum() : 0)"
            ),
            f"(has(self.files) ? {_FILES_SIZE.replace('FILES', 'self.files')} : 0)",
        )
    )
    + f" <= {limits.SPEC_BYTES}",
    "code, stdin, args, environment and files must be at most 700 KiB together",
)
"""The limit on all of them together, in characters."""


class File(Resource):
    """A file to create in the working directory before the program starts."""

    path: FilePath
    """Path relative to the working directory."""
    content: str | None = Field(default=None, max_length=limits.FILES_BYTES)
    """Content as text, written as UTF-8."""
    content_base64: str | None = Field(
        default=None,
        max_length=4 * limits.FILES_BYTES // 3 + 4,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    )
    """Content in base64, for binary files."""


Code = Annotated[
    str,
    Field(
        max_length=limits.CODE_BYTES,
        json_schema_extra=rules(
            (f"bytes(self).size() <= {limits.CODE_BYTES}", "must be at most 256 KiB of UTF-8")
        ),
    ),
]
"""A program's source."""


class Input(Resource):
    """The input of a program in addition to its source."""

    args: list[Annotated[str, StringConstraints(max_length=limits.ARGS_BYTES)]] | None = Field(
        default=None,
        max_length=limits.ARGS_ENTRIES,
        json_schema_extra=rules(
            (
                f"self.map(a, bytes(a).size()).sum() <= {limits.ARGS_BYTES}",
                "must be at most 64 KiB together",
            ),
            ("!self.exists(a, a.contains('\\u0000'))", "must not contain a NUL character"),
        ),
    )
    """Command-line arguments of the program."""
    stdin: str | None = Field(
        default=None,
        max_length=limits.STDIN_BYTES,
        json_schema_extra=rules(
            (f"bytes(self).size() <= {limits.STDIN_BYTES}", "must be at most 256 KiB of UTF-8")
        ),
    )
    """Standard input of the program."""
    environment: (
        dict[str, Annotated[str, StringConstraints(max_length=limits.ENVIRONMENT_BYTES)]] | None
    ) = Field(
        default=None,
        max_length=limits.ENVIRONMENT_ENTRIES,
        json_schema_extra=rules(
            (
                f"self.all(k, k.matches('{limits.ENVIRONMENT_NAME}'))",
                "names must be letters, digits and underscores, and must not start with a digit",
            ),
            (
                (
                    "self.map(k, k.size() + bytes(self[k]).size()).sum() <= "
                    f"{limits.ENVIRONMENT_BYTES}"
                ),
                "must be at most 64 KiB together",
            ),
            (
                "!self.exists(k, self[k].contains('\\u0000'))",
                "must not contain a NUL character",
            ),
        ),
    )
    """Environment variables of the program. They take precedence over those of the runtime."""
    files: list[File] | None = Field(
        default=None,
        max_length=limits.FILES_ENTRIES,
        json_schema_extra=rules(
            (
                "self.all(f, has(f.content) != has(f.contentBase64))",
                "each file must have either content or contentBase64",
            ),
            (
                # In characters: bytes() of 64 such files exceeds the cost limit of a rule.
                f"{_FILES_SIZE.replace('FILES', 'self')} <= {limits.FILES_BYTES}",
                "must be at most 512 KiB together",
            ),
        ),
    )
    """Files to create in the working directory before the program starts."""

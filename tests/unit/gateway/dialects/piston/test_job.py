"""The request of Cloche that does what a request of Piston asks for."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from cloche_api import limits
from cloche_gateway.cluster.languages import Amounts, Language
from cloche_gateway.dialects.piston import job, runtimes
from cloche_gateway.dialects.piston.dialect import MistakeError
from cloche_gateway.errors import TooLargeError
from cloche_gateway.models import ExecuteRequest
from cloche_gateway.requests import validation

MIB = limits.MIB
CODE = {"content": "print(1)"}


def language(name: str, version: str, *aliases: str, compiled: bool = False) -> Language:
    return Language(
        name=name,
        aliases=aliases,
        entries=(),
        file_name=f"main.{name}",
        image=name,
        version=version,
        compiled=compiled,
        minimum=Amounts(Decimal("0.01"), 48 * MIB, MIB),
        defaults=Amounts(Decimal(1), 512 * MIB, 100 * MIB),
        maximum=Amounts(Decimal(2), 2048 * MIB, 1024 * MIB),
    )


INSTALLED = [
    runtimes._runtime(one)
    for one in (
        language("python", "3.13", "py", "python3"),
        language("python2", "2.7", "py"),
        language("cpp", "14.2", "c++", "cxx", compiled=True),
        language("sqlite", "3.46", "sqlite3"),
        language("sql", "17", "postgresql", "postgres"),
    )
]


def request(*, any_version: bool = True, **fields: Any) -> ExecuteRequest:
    body = {"language": "python", "version": "*", "files": [CODE], **fields}
    made = job.of_body(body, INSTALLED, any_version=any_version)
    validation.check(made.request, made.runtime.installed)
    return made.request


def files(*given: dict[str, Any], language: str = "python") -> tuple[str, dict[str, bytes]]:
    """Return the program and the files by name."""
    made = request(files=list(given), language=language)
    contents = {
        file.path: base64.b64decode(file.content_base64)
        if file.content_base64 is not None
        else (file.content or "").encode()
        for file in made.files or []
    }
    return made.code, contents


@pytest.mark.parametrize(
    ("name", "version", "found"),
    [
        ("python", "3.x", "python"),
        ("py", "*", "python"),
        ("py", "2", "python2"),
        ("PYTHON", "3.10.0", "python"),
        ("py", "1", "python"),
        ("c++", "10.2.0", "cpp"),
        ("cpp", "*", "cpp"),
        ("cxx", "*", "cpp"),
        ("sql", "*", "sqlite"),
        ("postgresql", "*", "sql"),
        ("sqlite3", "3.36.0", "sqlite"),
    ],
)
def test_a_selector_that_fits_nothing_gets_the_newest_installed_version(
    name: str, version: str, found: str
) -> None:
    assert request(language=name, version=version).language == found


@pytest.mark.parametrize(("name", "version"), [("python", "3.10.0"), ("c++", "10"), ("go", "*")])
def test_a_strict_gateway_rejects_a_version_that_is_not_installed(name: str, version: str) -> None:
    with pytest.raises(MistakeError) as raised:
        request(language=name, version=version, any_version=False)
    assert str(raised.value) == f"{name}-{version} runtime is unknown"


def test_names_of_piston_are_listed_with_its_aliases_and_those_of_cloche() -> None:
    assert [one.listed for one in INSTALLED[2:]] == [
        {"language": "c++", "version": "14.2.0", "aliases": ["cpp", "g++", "cxx"],
         "runtime": "gcc"},
        {"language": "sqlite3", "version": "3.46.0", "aliases": ["sqlite", "sql"]},
        {"language": "postgresql", "version": "17.0.0", "aliases": ["postgres"]},
    ]  # fmt: skip


def test_the_first_text_is_the_program_and_the_others_are_files() -> None:
    code, others = files(
        {"name": "data.bin", "content": "AAH/", "encoding": "base64"},
        {"name": "main.py", "content": "import lib"},
        {"name": "/a/./lib.py", "content": "x = 1", "encoding": "utf8"},
        {"content": "00fF0g", "encoding": "hex"},
    )
    assert code == "import lib"
    assert others == {
        "data.bin": b"\x00\x01\xff",
        "a/lib.py": b"x = 1",
        "file3.code": b"\x00\xff",
        "main.py": b"import lib",
    }


def test_a_program_alone_is_not_written_twice() -> None:
    assert files({"name": "other.py", "content": "1"}) == ("1", {})


def test_a_compiler_does_not_get_the_program_twice() -> None:
    given = {"name": "a.cpp", "content": "1"}, {"name": "b.cpp", "content": "2"}
    assert files(*given, language="c++") == ("1", {"b.cpp": b"2"})


def test_a_later_file_replaces_an_earlier_one_of_the_same_name() -> None:
    given = {"name": "a.py", "content": "1"}, {"name": "./a.py", "content": "2"}
    assert files(*given) == ("2", {})


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("aGk=", b"hi"), ("aGk", b"hi"), ("aG k=\n", b"hi"), ("-_-_", b"\xfb\xff\xbf"),
        ("aGk=aGk=", b"hi"), ("aGkaa", b"hi\x1a"), ("é!", b""),
    ],
)  # fmt: skip
def test_base64_is_read_as_node_reads_it(text: str, content: bytes) -> None:
    _, others = files(CODE, {"name": "f", "content": text, "encoding": "base64"})
    assert others["f"] == content


def test_files_beyond_the_limit_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(TooLargeError):
        files(CODE, {"content": "0" * (2 * limits.FILES_BYTES + 1), "encoding": "hex"})


@pytest.mark.parametrize(
    ("given", "timeout", "compile_timeout"),
    [
        ({}, None, None),
        ({"run_timeout": 0, "compile_timeout": None}, None, None),
        ({"run_timeout": 3000}, 3, 60),
        ({"run_timeout": 300_000}, 300, None),
        ({"run_timeout": 290_000}, 290, 10),
        ({"compile_timeout": 10_000}, None, 10),
        ({"run_timeout": 1500, "compile_timeout": 2500.5}, 1.5, 2.5005),
        ({"run_timeout": 1}, 0.1, 60),
    ],
)
def test_run_and_compiler_have_their_own_timeouts(
    given: dict[str, Any], timeout: float | None, compile_timeout: float | None
) -> None:
    made = request(language="c++", **given)
    assert (made.timeout, made.compile_timeout) == (timeout, compile_timeout)


def test_a_language_without_a_compiler_has_no_timeout_for_one() -> None:
    made = request(run_timeout=300_000, compile_timeout=300_000)
    assert (made.timeout, made.compile_timeout) == (300, None)


def test_timeouts_that_are_too_long_together_are_refused() -> None:
    with pytest.raises(MistakeError) as raised:
        request(language="c++", run_timeout=200_000, compile_timeout=100_001)
    assert str(raised.value) == "compile_timeout cannot exceed the configured limit of 100000"


@pytest.mark.parametrize(
    ("given", "memory"),
    [(-1, None), (0, None), (1, 48), (64 * MIB, 64), (64 * MIB + 1, 65), (1e300, 2048)],
)
def test_the_memory_limit_is_within_the_range_of_the_language(
    given: float, memory: int | None
) -> None:
    made = request(run_memory_limit=given)
    assert (made.resources and made.resources.memory_mb) == memory


@pytest.mark.parametrize(
    ("given", "stdin"), [(None, None), ("", None), ("a", "a\n"), ("a\n", "a\n")]
)
def test_the_last_line_of_stdin_ends(given: str | None, stdin: str | None) -> None:
    assert request(stdin=given).stdin == stdin


def test_arguments_that_are_numbers_become_text() -> None:
    assert request(args=["a", 1, 2.5]).args == ["a", "1", "2.5"]

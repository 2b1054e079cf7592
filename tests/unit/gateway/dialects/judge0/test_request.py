"""A submission and the request that runs it, and every mistake with its sentence."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import pytest

from cloche_gateway.cluster.languages import Languages
from cloche_gateway.dialects.judge0.refusals import InvalidSubmissionError
from cloche_gateway.dialects.judge0.request import Prepared, prepared

PYTHON = {"language_id": 71, "source_code": "print(1)"}
CPP = {"language_id": 54, "source_code": "int main() {}"}


def made(installed: Languages, given: dict[str, Any], *, encoded: bool = False) -> Prepared:
    return prepared(given, installed, base64=encoded)


def mistakes(installed: Languages, **given: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidSubmissionError) as caught:
        made(installed, {**PYTHON, **given})
    return caught.value.mistakes


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def zipped(**files: str) -> str:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return b64(raw.getvalue())


def fields(of: Prepared) -> dict[str, Any]:
    return of.request.model_dump(exclude_none=True)


def test_the_smallest_submission_uses_a_waiting_pod_for_ten_seconds(installed: Languages) -> None:
    assert fields(made(installed, PYTHON)) == {
        "code": "print(1)", "language": "python", "timeout": 10.0,
    }  # fmt: skip


def test_a_compiler_has_a_time_of_its_own(installed: Languages) -> None:
    assert fields(made(installed, CPP)) == {
        "code": "int main() {}", "language": "cpp", "timeout": 10.0, "compile_timeout": 60.0,
    }  # fmt: skip


def test_every_field_of_a_submission_is_used(installed: Languages) -> None:
    given = {
        **PYTHON,
        "language_id": "109",
        "stdin": "in",
        "expected_output": "out",
        "command_line_arguments": """ a "b c" 'd'  $e&;<>|` """,
        "wall_time_limit": "2.5",
        "cpu_time_limit": 1,
        "memory_limit": 64000,
        "redirect_stderr_to_stdout": "true",
        "additional_files": zipped(a_txt="A"),
        "number_of_runs": 3,
        "stack_limit": 64000,
        "enable_network": False,
        "compiler_options": "",
        "callback_url": None,
        "unknown": {"x": 1},
    }
    found = made(installed, given)
    assert fields(found) == {
        "code": "print(1)",
        "language": "python",
        "stdin": "in",
        "args": ["a", "b c", "d", "e"],
        "timeout": 2.5,
        "merge_output": True,
        "resources": {"memory_mb": 75},
        "files": [{"path": "a.txt", "content_base64": b64("A")}],
    }
    assert (found.facts.language_id, found.facts.expected) == (109, "out")
    assert found.facts.given == {
        "wall_time_limit": 2.5,
        "cpu_time_limit": 1,
        "memory_limit": 64000,
        "redirect_stderr_to_stdout": True,
        "number_of_runs": 3,
        "stack_limit": 64000,
        "enable_network": False,
    }


def test_texts_can_be_in_base64(installed: Languages) -> None:
    given = {
        "language_id": 71,
        "source_code": b64("print('ä')"),
        "stdin": b64("ü\n") + "\n",
        "expected_output": b64(b"\xff\n"),
    }
    found = made(installed, given, encoded=True)
    assert (found.request.code, found.request.stdin) == ("print('ä')", "ü\n")
    assert found.facts.expected == "\ufffd\n"


def test_text_that_is_not_utf8_is_a_mistake(installed: Languages) -> None:
    given = {"language_id": 71, "source_code": b64(b"\xff"), "stdin": b64(b"\xfe")}
    with pytest.raises(InvalidSubmissionError) as caught:
        made(installed, given, encoded=True)
    rule = ["must be UTF-8 text"]
    assert caught.value.mistakes == {"source_code": rule, "stdin": rule}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"language_id": None}, {"language_id": ["can't be blank"]}),
        ({"language_id": ""}, {"language_id": ["can't be blank"]}),
        ({"language_id": [71]}, {"language_id": ["can't be blank"]}),
        ({"language_id": 150000}, {"language_id": ["language with id 150000 doesn't exist"]}),
        ({"language_id": "cobol"}, {"language_id": ["language with id 0 doesn't exist"]}),
        ({"language_id": True}, {"language_id": ["language with id 0 doesn't exist"]}),
        ({"language_id": 1e300}, {"language_id": ["language with id 0 doesn't exist"]}),
        ({"language_id": 10**399}, {"language_id": ["language with id 0 doesn't exist"]}),
        ({"language_id": 70}, {"language_id": ["language with id 70 doesn't exist"]}),
        ({"language_id": 72}, {"language_id": ["language with id 72 doesn't exist"]}),
        (
            {"language_id": 34},
            {"language_id": ["language with id 34 is archived and cannot be used anymore"]},
        ),
        ({"source_code": None}, {"source_code": ["can't be blank"]}),
        ({"source_code": " \n"}, {"source_code": ["can't be blank"]}),
        ({"source_code": {}}, {"source_code": ["can't be blank"]}),
        ({"cpu_time_limit": "x"}, {"cpu_time_limit": ["is not a number"]}),
        (
            {"wall_time_limit": 100000, "memory_limit": 1},
            {
                "wall_time_limit": ["must be less than or equal to 240.0"],
                "memory_limit": ["must be greater than or equal to 2048"],
            },
        ),
        ({"enable_network": True}, {"enable_network": ["enabling network is not allowed"]}),
        ({"callback_url": "http://a"}, {"callback_url": ["setting callback is not allowed"]}),
        (
            {"enable_per_process_and_thread_time_limit": True},
            {"enable_per_process_and_thread_time_limit": ["this option cannot be enabled"]},
        ),
        (
            {"command_line_arguments": "x" * 513},
            {"command_line_arguments": ["is too long (maximum is 512 characters)"]},
        ),
        (
            {"compiler_options": "-O2"},
            {
                "compiler_options": [
                    "setting compiler options is only allowed for compiled languages"
                ]
            },
        ),
        ({"additional_files": "bm8="}, {"additional_files": ["must be a zip archive in base64"]}),
        (
            {"command_line_arguments": " ".join("x" * 200)},
            {"command_line_arguments": ["must have at most 128 entries"]},
        ),
    ],
)
def test_a_mistake_has_its_field_and_sentence(
    installed: Languages, given: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    assert mistakes(installed, **given) == expected


def test_all_mistakes_are_named(installed: Languages) -> None:
    found = mistakes(installed, language_id=1, source_code="", stack_limit=-1)
    assert sorted(found) == ["language_id", "source_code", "stack_limit"]


@pytest.mark.parametrize(
    "options",
    [
        "-O3 --std=c++17 -Wall -Wextra -Wold-style-cast -Werror -pedantic -pedantic-errors",
        "-g -lm -pthread",
    ],
)
def test_compiler_options_without_effect_are_ignored(installed: Languages, options: str) -> None:
    found = made(installed, {**CPP, "compiler_options": options})
    assert found.request.code == "int main() {}"


@pytest.mark.parametrize("options", ["-DX=1", "-O2 -lssl", "-Wl,-z,x", "main2.cpp", "-o x", "@f"])
def test_compiler_options_with_an_effect_are_refused(installed: Languages, options: str) -> None:
    assert mistakes(installed, **CPP, compiler_options=options) == {
        "compiler_options": ["setting compiler options is not allowed"]
    }


def test_arguments_without_a_closing_quotation_mark_are_split_at_spaces(
    installed: Languages,
) -> None:
    given = {**PYTHON, "command_line_arguments": "it's 1"}
    assert made(installed, given).request.args == ["it's", "1"]


@pytest.mark.parametrize(
    ("language", "limit", "mib"),
    [
        (71, 2048, 48),  # what the language needs
        (71, 128000, 137),  # with the supervisor
        (71, 512000, None),  # the default, of which Pods wait
        (71, 2097152, 2048),
        (54, 128000, 384),
        (62, 2097152, 1024),  # the runtime's maximum
    ],
)
def test_a_memory_limit_is_that_of_the_pod(
    installed: Languages, language: int, limit: int, mib: int | None
) -> None:
    given = {"language_id": language, "source_code": "x", "memory_limit": limit}
    resources = made(installed, given).request.resources
    assert (None if resources is None else resources.memory_mb) == mib


def test_a_database_among_the_files_is_that_of_the_program(installed: Languages) -> None:
    given = {"language_id": 82, "source_code": "select 1;"}
    assert made(installed, given).request.code == "select 1;"
    with_database = {**given, "additional_files": zipped(db_sqlite="x")}
    assert made(installed, with_database).request.code == ".open db.sqlite\nselect 1;"

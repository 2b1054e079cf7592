"""The status of an execution fits into its object, for any output of a program."""

from __future__ import annotations

import base64

import pytest

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.resources.typed_dicts import ExecutionStatusDict, OutputFileDict
from cloche_operator.model.status import fitted, without_outputs

FULL = limits.STDOUT_BYTES
CHARACTERS = {
    "ASCII": "x",
    "NUL": "\x00",
    "less than": "<",
    "quote": '"',
    "2 bytes": "ü",
    "replacement": "\ufffd",
    "line separator": "\u2028",
    "4 bytes": "🪴",
}


def file_of(size: int) -> OutputFileDict:
    return {"path": "f", "contentBase64": base64.b64encode(bytes(size)).decode()}


def status_of(stdout: str, stderr: str, *files: OutputFileDict) -> ExecutionStatusDict:
    return {
        "phase": "Completed",
        "stdout": stdout,
        "stderr": stderr,
        "stdoutTruncated": False,
        "stderrTruncated": False,
        "files": list(files),
        "filesTruncated": False,
    }


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
@pytest.mark.parametrize("other", CHARACTERS.values(), ids=CHARACTERS)
def test_a_status_fits_for_any_printed_characters(character: str, other: str) -> None:
    given = status_of(character * FULL, other * FULL, file_of(limits.OUTPUT_FILES_BYTES))
    before = given.copy()
    made = fitted(given)
    assert object_bytes(made) <= limits.STATUS_BYTES
    streams = (
        (before["stdout"], made["stdout"], made["stdoutTruncated"]),
        (before["stderr"], made["stderr"], made["stderrTruncated"]),
    )
    for printed, kept, truncated in streams:
        assert printed.startswith(kept)
        assert len(kept.encode()) <= FULL
        assert truncated is (kept != printed)
    assert made["files"] in ([], before["files"])
    assert made["filesTruncated"] is (made["files"] == [])


def test_files_that_do_not_fit_into_the_status_are_named() -> None:
    sizes = (100_000, 100_001, 100_002, 0)
    status = status_of("<" * FULL, "", *map(file_of, sizes))
    made = fitted(status)
    assert (made["files"], made["filesTruncated"]) == ([], True)
    expected = [{"path": "f", "size": size, "reason": "NoSpaceLeft"} for size in sizes]
    assert made["filesOmitted"] == expected


def test_the_names_of_files_that_do_not_fit_are_limited() -> None:
    many = fitted(status_of("<" * FULL, "", *[file_of(1000) for _ in range(1024)]))
    assert len(many["filesOmitted"]) == limits.OMITTED_FILES_ENTRIES
    long = [OutputFileDict(path="p" * 3000, contentBase64="A" * 40_000) for _ in range(10)]
    made = fitted(status_of("<" * FULL, "", *long))
    assert len(made["filesOmitted"]) == 2
    without = without_outputs(made | {"completionTime": "2026-01-02T03:04:28.250000Z"})
    assert "filesOmitted" not in without


def test_a_status_that_fits_is_not_changed() -> None:
    given = status_of("x" * FULL, "y" * FULL)
    assert fitted(given.copy()) == given


@pytest.mark.parametrize(
    ("character", "kept"), [("x", FULL), ("ü", FULL // 2), ("€", FULL // 3), ("🪴", FULL // 4)]
)
def test_a_stream_is_cut_between_characters(character: str, kept: int) -> None:
    exact = fitted(status_of(character * kept, ""))
    assert (exact["stdout"], exact["stdoutTruncated"]) == (character * kept, False)
    more = fitted(status_of(character * (kept + 1), ""))
    assert (more["stdout"], more["stdoutTruncated"]) == (character * kept, True)


def test_files_are_dropped_first_then_stderr_then_stdout() -> None:
    files = file_of(limits.OUTPUT_FILES_BYTES)  # 350 KB
    only_files = fitted(status_of("x" * FULL, "y" * FULL, files))
    assert only_files["files"] == []
    assert (len(only_files["stdout"]), len(only_files["stderr"])) == (FULL, FULL)

    stderr_too = fitted(status_of("x" * FULL, "<" * FULL, files))
    assert (len(stderr_too["stdout"]), stderr_too["stdoutTruncated"]) == (FULL, False)
    assert 0 < len(stderr_too["stderr"]) < FULL

    all_three = fitted(status_of("<" * FULL, "<" * FULL, files))
    assert (all_three["stderr"], all_three["stderrTruncated"]) == ("", True)
    assert 0 < len(all_three["stdout"]) < FULL


@pytest.mark.parametrize("character", ["\x00", "<", "🪴", "\u2028"])
def test_no_more_output_is_cut_than_necessary(character: str) -> None:
    made = fitted(status_of(character * FULL, "<" * FULL))
    one_more = dict(made, stderr=made["stderr"] + "<")
    if made["stderr"]:
        assert object_bytes(one_more) > limits.STATUS_BYTES
    else:
        assert object_bytes(dict(made, stdout=made["stdout"] + character)) > limits.STATUS_BYTES

"""The entries, source files and processes of a runtime, and the entry of an execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, ApiServer

Make = Callable[..., dict[str, Any]]

RUN = {"command": ["pytest"]}
WAITS = {"name": "bare", "command": ["python3", "main.py"]}
INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "an entry twice": (
        {"entries": [{"name": "test", "run": RUN}, {"name": "test", "run": RUN}]},
        "spec.entries[1]: Duplicate value",
    ),
    "an entry without a name": (
        {"entries": [{"run": RUN}]},
        "spec.entries[0].name: Required value",
    ),
    "an entry in capitals": (
        {"entries": [{"name": "PyTest", "run": RUN}]},
        "spec.entries[0].name: Invalid value",
    ),
    "an entry without a command": (
        {"entries": [{"name": "test"}]},
        "spec.entries[0].run: Required value",
    ),
    "too many entries": (
        {"entries": [{"name": f"test{n}", "run": RUN} for n in range(17)]},
        "spec.entries: Too many: 17: must have at most 16 items",
    ),
    "unknown line ends": (
        {"source": {"lineEnds": "Windows"}},
        "spec.source.lineEnds: Unsupported value",
    ),
    "an enabled process that does not exist": (
        {"prestart": {"enabled": ["loaded"], "processes": [WAITS]}},
        "spec.prestart: Invalid value: enabled must contain names of processes only",
    ),
    "an enabled process without any": (
        {"prestart": {"enabled": ["loaded"]}},
        "enabled must contain names of processes only",
    ),
    "a process twice": (
        {"prestart": {"processes": [WAITS, WAITS]}},
        "spec.prestart.processes[1]: Duplicate value",
    ),
    "a process without a command": (
        {"prestart": {"processes": [{"name": "bare"}]}},
        "spec.prestart.processes[0].command: Required value",
    ),
    "a process of another stage": (
        {"prestart": {"processes": [{**WAITS, "stage": "Check"}]}},
        "spec.prestart.processes[0].stage: Unsupported value",
    ),
    "a denied variable with a star inside": (
        {"prestart": {"processes": [{**WAITS, "deniedEnvironment": ["A*B"]}]}},
        "spec.prestart.processes[0].deniedEnvironment[0]: Invalid value",
    ),
    "a denied path that is absolute": (
        {"prestart": {"processes": [{**WAITS, "deniedPaths": ["/etc"]}]}},
        "spec.prestart.processes[0].deniedPaths[0]: Invalid value",
    ),
    "a line that matches any line": (
        {"prestart": {"processes": [{**WAITS, "when": {"suffixes": [".py"], "lines": ["**"]}}]}},
        "spec.prestart.processes[0].when.lines[0]: Invalid value",
    ),
    "too many processes": (
        {"prestart": {"processes": [{**WAITS, "name": f"p{n}"} for n in range(9)]}},
        "spec.prestart.processes: Too many: 9: must have at most 8 items",
    ),
    "a source file with a folder": (
        {"source": {"files": ["lib/*.py"]}},
        "spec.source.files[0]: Invalid value",
    ),
}


@pytest.mark.parametrize(("spec", "words"), INVALID.values(), ids=INVALID)
def test_invalid_entries_source_files_and_processes_are_rejected(
    server: ApiServer, namespace: str, runtime: Make, spec: dict[str, Any], words: str
) -> None:
    path = f"{CLOCHE}/{namespace}/sandboxruntimes?fieldValidation=Strict"
    answer = server.ask("POST", path, runtime(**spec))
    assert (answer.status_code, words in answer.json()["message"]) == (422, True), answer.text


def test_a_runtime_with_entries_and_source_files_gets_the_defaults(
    server: ApiServer, namespace: str, runtime: Make
) -> None:
    entries = [{"name": "test", "run": RUN, "compile": {"command": ["cc"]}}]
    made = runtime(entries=entries, source={"files": ["*.py"], "lineEnds": "Unix"})
    spec = server.create(f"{CLOCHE}/{namespace}/sandboxruntimes", made)["spec"]
    assert spec["entries"][0]["compile"]["timeoutSeconds"] == 60
    assert spec["source"] == {"files": ["*.py"], "lineEnds": "Unix", "byteOrderMark": "Keep"}


def test_a_runtime_with_a_waiting_process_gets_the_defaults(
    server: ApiServer, namespace: str, runtime: Make
) -> None:
    process = {**WAITS, "placeholder": {}}
    made = runtime(prestart={"enabled": ["bare"], "processes": [process]})
    spec = server.create(f"{CLOCHE}/{namespace}/sandboxruntimes", made)["spec"]
    (found,) = spec["prestart"]["processes"]
    assert found["stage"] == "Run"
    assert found["placeholder"] == {"content": "", "replacement": "NewFile"}


@pytest.mark.parametrize("entry", ["", "PyTest", "a b", "x" * 64])
def test_an_execution_with_an_impossible_entry_is_rejected(
    server: ApiServer, namespace: str, execution: Make, entry: str
) -> None:
    path = f"{CLOCHE}/{namespace}/sandboxexecutions?fieldValidation=Strict"
    answer = server.ask("POST", path, execution(entry=entry))
    message = answer.json()["message"]
    assert (answer.status_code, "spec.entry: " in message) == (422, True), message

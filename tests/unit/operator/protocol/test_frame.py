"""The frame that is sent to a supervisor."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.data.documents import section, tables

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.protocol.frame import HELLO, Afterwards, frame
from cloche_supervisor.protocol.frame import AFTERWARDS, Frame
from cloche_supervisor.protocol.wire import VERSION

USED = UsedResources(cpu="1", memory="512Mi", disk="100Mi")
PYTHON: dict[str, Any] = {
    "image": "i",
    "fileName": "main.py",
    "run": {"command": ["python3", "main.py"]},
}


def content(spec: dict[str, Any], runtime: dict[str, Any]) -> dict[str, Any]:
    sent = frame(
        "the-uid", ExecutionSpec.model_validate(spec), RuntimeSpec.model_validate(runtime), USED
    )
    assert int.from_bytes(sent[:4], "big") == len(sent) - 4
    Frame(sent[4:])  # the supervisor accepts it
    body: dict[str, Any] = json.loads(sent[4:].decode("utf-8", "surrogatepass"))
    return body


def test_the_hello_is_that_of_the_protocol() -> None:
    assert HELLO == b"CLO\x01"
    assert HELLO[3] == VERSION


def test_operator_and_supervisor_know_the_same_values_of_afterwards() -> None:
    assert set(AFTERWARDS) == set(Afterwards)


def test_the_frame_has_exactly_the_documented_keys() -> None:
    (table,) = tables(section("docs/design/protocol.md", "### The frame"))
    body = content({"language": "python", "code": "print(1)"}, PYTHON)
    named = {row[0].strip("`") for row in table}
    assert named == {*body, "limits.rlimits"}
    (rlimits,) = [row[1] for row in table if row[0] == "`limits.rlimits`"]
    assert set(re.findall(r"\w+", rlimits)) == set(body["limits"]["rlimits"])


def test_the_frame_of_a_minimal_execution_has_all_defaults() -> None:
    assert content({"language": "python", "code": "print(1)"}, PYTHON) == {
        "protocol": 1,
        "execution": "the-uid",
        "files": [{"path": "main.py", "text": "print(1)"}],
        "compile": None,
        "run": {"command": ["python3", "main.py"]},
        "syntax_check": None,
        "failure_messages": {"out_of_memory": [], "disk_full": [], "compiler_failed": []},
        "environment": {},
        "stdin": "",
        "timeout_seconds": 30.0,
        "output_files": [],
        "limits": {
            "stdout_bytes": 262144,
            "stderr_bytes": 262144,
            "files_bytes": 262144,
            "rlimits": {
                "nproc": 512,
                "nofile": 1024,
                "fsize": 104857600,
                "core": 0,
                "stack": 8388608,
            },
        },
        "afterwards": "exit",
    }


def test_the_frame_of_a_complete_execution_has_all_fields() -> None:
    body = content(
        {
            "language": "java",
            "code": "class A {}",
            "args": ["one", "--two"],
            "stdin": "grüße\x00",
            "environment": {"A": "request", "B": "request"},
            "files": [{"path": "d/a.txt", "content": ""}, {"path": "b", "contentBase64": "AP8="}],
            "outputFiles": ["*.png"],
            "timeoutSeconds": 300,
        },
        {
            "image": "i",
            "fileName": "Main.java",
            "compile": {"command": ["javac", "Main.java"], "timeoutSeconds": 20},
            "run": {"command": ["java", "Main"]},
            "syntaxCheck": {"command": ["javac", "-proc:none", "Main.java"]},
            "environment": {"A": "runtime", "C": "runtime"},
        },
    )
    assert body["files"] == [
        {"path": "Main.java", "text": "class A {}"},
        {"path": "d/a.txt", "text": ""},
        {"path": "b", "base64": "AP8="},
    ]
    assert body["compile"] == {"command": ["javac", "Main.java"], "timeout_seconds": 20.0}
    assert body["run"] == {"command": ["java", "Main", "one", "--two"]}
    assert body["syntax_check"] == {"command": ["javac", "-proc:none", "Main.java"]}
    assert body["environment"] == {"A": "request", "B": "request", "C": "runtime"}
    assert body["stdin"] == "grüße\x00"
    assert body["output_files"] == ["*.png"]
    assert body["timeout_seconds"] == 300.0


def test_the_frame_of_the_largest_spec_is_accepted_by_the_supervisor() -> None:
    spec = ExecutionSpec(language="python", code="\x01" * 262144, stdin="\x01" * 262144)
    assert len(frame("u", spec, RuntimeSpec.model_validate(PYTHON), USED)) < 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("memory", "processes", "files"),
    [
        ("8Mi", 64, 256),
        ("64Mi", 64, 256),
        ("100Mi", 100, 400),
        ("512Mi", 512, 1024),
        ("2Gi", 512, 1024),
    ],
)
def test_small_programs_have_fewer_processes_and_files(
    memory: str, processes: int, files: int
) -> None:
    spec = ExecutionSpec.model_validate({"language": "python", "code": "print(1)"})
    used = UsedResources(cpu="1", memory=memory, disk="1Mi")
    sent = frame("the-uid", spec, RuntimeSpec.model_validate(PYTHON), used)
    rlimits = json.loads(sent[4:])["limits"]["rlimits"]
    assert (rlimits["nproc"], rlimits["nofile"]) == (processes, files)

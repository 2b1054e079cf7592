"""The frame that is sent to a supervisor."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from support.data.documents import section, tables

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.execution import Action, ExecutionSpec
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.protocol.frame import HELLO, Afterwards, default_environment, frame
from cloche_supervisor.protocol.frame import ACTIONS, AFTERWARDS, read
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
    read(sent[4:])  # the supervisor accepts it
    body: dict[str, Any] = json.loads(sent[4:].decode("utf-8", "surrogatepass"))
    return body


def test_the_hello_is_that_of_the_protocol() -> None:
    assert HELLO == b"CLO\x01"
    assert HELLO[3] == VERSION


def test_operator_and_supervisor_know_the_same_values_of_afterwards() -> None:
    assert set(AFTERWARDS) == set(Afterwards)


def test_operator_and_supervisor_know_the_same_actions() -> None:
    assert set(ACTIONS) == set(Action)


def test_the_frame_has_exactly_the_documented_keys() -> None:
    (table,) = tables(section("docs/design/protocol.md", "### The frame"))
    body = content({"language": "python", "code": "print(1)", "mergeOutput": True}, PYTHON)
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
        "environment": {
            "OMP_NUM_THREADS": "1",
            "PYTHON_CPU_COUNT": "1",
            "GOMAXPROCS": "1",
            "DOTNET_PROCESSOR_COUNT": "1",
            "GLIBC_TUNABLES": "glibc.pthread.stack_cache_size=2684354560",
        },
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
                "fsize": 1073741824,
                "core": 0,
                "stack": 536870912,
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
    assert body["environment"] == {
        **default_environment(USED),
        "A": "request",
        "B": "request",
        "C": "runtime",
    }
    assert body["stdin"] == "grüße\x00"
    assert body["output_files"] == ["*.png"]
    assert body["timeout_seconds"] == 300.0


COMPILED: dict[str, Any] = {
    "image": "i",
    "fileName": "main.cpp",
    "compile": {"command": ["g++", "main.cpp"], "timeoutSeconds": 20},
    "run": {"command": ["./a.out"]},
}


@pytest.mark.parametrize(
    ("asked", "compiler", "program", "both"),
    [
        ({"timeoutSeconds": 0.5}, 20, None, 0.5),
        ({"timeoutSeconds": 0.5, "compileTimeoutSeconds": 10}, 10, 0.5, 10.5),
        ({"timeoutSeconds": 5, "compileTimeoutSeconds": 100}, 20, 5, 105),
        ({"timeoutSeconds": 300, "compileTimeoutSeconds": 300}, 20, 300, 300),
    ],
)
def test_compiler_and_program_have_their_own_time_limits_if_the_compilers_is_given(
    asked: dict[str, float], compiler: float, program: float | None, both: float
) -> None:
    body = content({"language": "cpp", "code": "", **asked}, COMPILED)
    assert body["compile"]["timeout_seconds"] == compiler
    assert body["run"].get("timeout_seconds") == program
    assert body["timeout_seconds"] == both


def test_the_time_limit_of_a_compiler_has_no_effect_without_one() -> None:
    asked = {"timeoutSeconds": 0.5, "compileTimeoutSeconds": 10}
    body = content({"language": "python", "code": "", **asked}, PYTHON)
    assert (body["timeout_seconds"], body["compile"]) == (0.5, None)
    assert "timeout_seconds" not in body["run"]


def test_patterns_are_relative_to_the_working_directory() -> None:
    asked = ["*.png", "/mnt/data/x.png", "/home/user/d/*", "/workspace/**", "/tmp/*.txt", ".tmp/a"]
    body = content({"language": "python", "code": "", "outputFiles": asked}, PYTHON)
    assert body["output_files"] == ["*.png", "x.png", "d/*", "**", ".tmp/*.txt", ".tmp/a"]


def test_merged_output_is_sent_only_if_it_is_asked_for() -> None:
    for asked, sent in (({}, None), ({"mergeOutput": False}, None), ({"mergeOutput": True}, True)):
        body = content({"language": "python", "code": "", **asked}, PYTHON)
        assert body.get("merge_output") is sent


def test_an_entry_replaces_the_commands_of_the_runtime() -> None:
    runtime = {
        **PYTHON,
        "compile": {"command": ["check"], "timeoutSeconds": 20},
        "entries": [
            {"name": "pytest", "run": {"command": ["pytest", "main.py"]}},
            {"name": "cython", "compile": {"command": ["cython"]}, "run": {"command": ["./main"]}},
        ],
    }
    spec = {"language": "python", "code": "", "args": ["-q"]}
    tested = content({**spec, "entry": "pytest"}, runtime)
    assert tested["run"] == {"command": ["pytest", "main.py", "-q"]}
    assert tested["compile"] == {"command": ["check"], "timeout_seconds": 20.0}
    compiled = content({**spec, "entry": "cython"}, runtime)
    assert compiled["run"] == {"command": ["./main", "-q"]}
    assert compiled["compile"] == {"command": ["cython"], "timeout_seconds": 60.0}


SHELL = {
    **PYTHON,
    "fileName": "main.sh",
    "source": {"files": ["*.sh"], "byteOrderMark": "Remove", "lineEnds": "Unix"},
}


def written(code: str, runtime: dict[str, Any] = SHELL) -> str:
    """Return the text of the source in the frame."""
    text: str = content({"language": "bash", "code": code}, runtime)["files"][0]["text"]
    return text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("\ufeffecho 1\n", "echo 1\n"),
        ("\ufeff", ""),
        ("\ufeff\ufeffecho", "\ufeffecho"),
        ("echo '\ufeff'\n", "echo '\ufeff'\n"),
        ("if :\r\nthen\r\n\techo 1\r\nfi", "if :\nthen\n\techo 1\nfi"),
        ("\ufeffecho 1\r\n", "echo 1\n"),
        ("#!/bin/bash\necho 1\r\necho 2\r\n", "#!/bin/bash\necho 1\necho 2\n"),
        ("cat <<END\na\r\nEND\n", "cat <<END\na\r\nEND\n"),
        ("printf 'a\rb\r'\n", "printf 'a\rb\r'\n"),
        ("", ""),
    ],
)
def test_a_source_is_written_without_the_mark_and_with_unix_line_ends(code: str, text: str) -> None:
    assert written(code) == text
    assert written(code).count("\n") == code.count("\n"), "line numbers stay right"


def test_a_source_is_changed_only_as_its_runtime_declares() -> None:
    code = "\ufeffecho 1\r\n"
    assert written(code, PYTHON) == code
    assert written(code, {**SHELL, "source": {"byteOrderMark": "Remove"}}) == "echo 1\r\n"
    assert written(code, {**SHELL, "source": {"lineEnds": "Unix"}}) == "\ufeffecho 1\n"
    assert written(code, {**SHELL, "source": {"files": ["*.sh"]}}) == code


def test_files_are_changed_only_if_their_names_are_those_of_source_files() -> None:
    saved = "\ufeffa\r\n"
    encoded = base64.b64encode(saved.encode()).decode()
    binary = base64.b64encode(b"\xff\r\n").decode()
    body = content(
        {
            "language": "bash",
            "code": "",
            "stdin": saved,
            "args": [saved],
            "files": [
                {"path": "lib/a.sh", "content": saved},
                {"path": "b.sh", "contentBase64": encoded},
                {"path": "binary.sh", "contentBase64": binary},
                {"path": "a.sh.csv", "content": saved},
                {"path": "a.sh/data", "content": saved},
                {"path": "data.csv", "contentBase64": encoded},
            ],
        },
        SHELL,
    )
    assert body["files"][1:] == [
        {"path": "lib/a.sh", "text": "a\n"},
        {"path": "b.sh", "base64": base64.b64encode(b"a\n").decode()},
        {"path": "binary.sh", "base64": binary},
        {"path": "a.sh.csv", "text": saved},
        {"path": "a.sh/data", "text": saved},
        {"path": "data.csv", "base64": encoded},
    ]
    assert (body["stdin"], body["run"]["command"][-1]) == (saved, saved)


def test_the_frame_of_the_largest_spec_is_accepted_by_the_supervisor() -> None:
    spec = ExecutionSpec(language="python", code="\x01" * 262144, stdin="\x01" * 262144)
    assert len(frame("u", spec, RuntimeSpec.model_validate(PYTHON), USED)) < 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("memory", "processes", "files", "stack"),
    [
        ("4Mi", 64, 256, 8),
        ("64Mi", 64, 256, 64),
        ("100Mi", 100, 400, 100),
        ("512Mi", 512, 1024, 512),
        ("2Gi", 512, 1024, 2048),
    ],
)
def test_small_programs_have_fewer_processes_and_files_and_smaller_stacks(
    memory: str, processes: int, files: int, stack: int
) -> None:
    used = UsedResources(cpu="1", memory=memory, disk="1Mi")
    rlimits = of(used)["limits"]["rlimits"]
    assert (rlimits["nproc"], rlimits["nofile"]) == (processes, files)
    assert rlimits["stack"] == stack * 1024 * 1024


@pytest.mark.parametrize(
    ("cpu", "processors"), [("1m", "1"), ("500m", "1"), ("1", "1"), ("1001m", "2"), (8, "8")]
)
def test_a_program_has_as_many_processors_as_its_cpu_limit_rounded_up(
    cpu: str | int, processors: str
) -> None:
    environment = of(UsedResources(cpu=cpu, memory="512Mi", disk="1Mi"))["environment"]
    names = ("OMP_NUM_THREADS", "PYTHON_CPU_COUNT", "GOMAXPROCS", "DOTNET_PROCESSOR_COUNT")
    assert {environment[name] for name in names} == {processors}


def test_runtimes_and_requests_may_set_the_number_of_processors() -> None:
    of_runtime = {"OMP_NUM_THREADS": "2", "GOMAXPROCS": "2"}
    spec = {"language": "python", "code": "print(1)", "environment": {"GOMAXPROCS": "3"}}
    environment = content(spec, PYTHON | {"environment": of_runtime})["environment"]
    found = [environment[name] for name in ("PYTHON_CPU_COUNT", "OMP_NUM_THREADS", "GOMAXPROCS")]
    assert found == ["1", "2", "3"]


def of(used: UsedResources) -> dict[str, Any]:
    spec = ExecutionSpec.model_validate({"language": "python", "code": "print(1)"})
    sent = frame("the-uid", spec, RuntimeSpec.model_validate(PYTHON), used)
    body: dict[str, Any] = json.loads(sent[4:])
    return body


def test_the_frame_of_an_action_has_no_program_and_the_files_as_they_are() -> None:
    files = [
        {"path": "main.sh", "content": "\ufeffecho\r\n"},
        {"path": "b", "contentBase64": "AAE="},
    ]
    runtime = PYTHON | {"source": {"byteOrderMark": "Remove", "lineEnds": "Unix", "files": ["*"]}}
    spec = {"language": "python", "session": "sbs-1", "action": "WriteFiles", "files": files}
    assert content(spec, runtime) == {
        "protocol": 1,
        "execution": "the-uid",
        "action": "WriteFiles",
        "files": [
            {"path": "main.sh", "text": "\ufeffecho\r\n"},
            {"path": "b", "base64": "AAE="},
        ],
        "output_files": [],
        "limits": {"files_bytes": 262144},
        "afterwards": "exit",
    }


def test_the_patterns_of_an_action_are_relative_to_the_working_directory() -> None:
    spec = {
        "language": "python",
        "session": "sbs-1",
        "action": "ListFiles",
        "outputFiles": ["/tmp/*", "/workspace/a", "b"],
    }
    assert content(spec, PYTHON)["output_files"] == [".tmp/*", "a", "b"]

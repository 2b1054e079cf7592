from __future__ import annotations

import copy
import re
import signal
from typing import Any

import pytest
from support.data.names import ROOT
from support.fixtures.supervisor import HELLO, PYTHON, Supervisors, encoded, frame_of


def test_the_ready_event_follows_the_hello(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO)
    peer.read_until(b'{"seq":0,"event":"ready","protocol":1,')
    peer.send(encoded(frame_of(["true"])))
    result = peer.finish()
    assert result.code == 0
    assert [event["event"] for event in result.events] == ["ready", "started", "exit"]


def test_the_supervisor_runs_from_its_directory(supervisors: Supervisors) -> None:
    peer = supervisors.start_as([PYTHON, "-I", "-S", str(ROOT / "runtimes" / "supervisor")])
    peer.send(b"CLO\x02")
    result = peer.finish()
    assert result.code == 2
    assert result.error == "hello: protocol version 2 is not supported; the only one is 1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the input ended before the hello was complete"),
        (b"CLO", "the input ended before the hello was complete"),
        (b"GET / HTTP/1.1\r\n", "hello: must be the bytes CLO and the protocol version"),
        (b"CLO\x00", "hello: protocol version 0 is not supported; the only one is 1"),
        (b"CLO\x01", "frame: the input ended within the length"),
        (b"CLO\x01\x00\x00", "frame: the input ended within the length"),
        (b"CLO\x01\x00\x00\x00\x09{}", "frame: the input ended after 2 of 9 bytes"),
        (b"CLO\x01\x00\x40\x00\x01", "frame: 4194305 bytes exceed the limit of 4194304"),
        (b"CLO\x01\xff\xff\xff\xff", "frame: 4294967295 bytes exceed the limit of 4194304"),
        (b"CLO\x01\x00\x00\x00\x00", "frame: is not JSON: "),
        (b"CLO\x01\x00\x00\x00\x02{]", "frame: is not JSON: "),
        (b"CLO\x01\x00\x00\x00\x01\xff", "frame: must be UTF-8"),
        (b"CLO\x01\x00\x00\x00\x02[]", "frame: must be an object"),
        (b"CLO\x01\x00\x00\x00\x02{}", "frame: protocol: is missing"),
        (b"CLO\x01\x00\x01\x00\x00" + b"[" * 65536, "frame: is nested too deeply"),
    ],
)
def test_invalid_bytes_instead_of_hello_and_frame_are_an_error(
    supervisors: Supervisors, data: bytes, message: str
) -> None:
    peer = supervisors.start()
    peer.send(data)
    result = peer.finish()
    assert result.code == 2
    assert result.error.startswith(message)


ENOUGH = 30.0

_WRONG: list[tuple[str, Any, str]] = [
    ("protocol", 2, "protocol: must be 1"),
    ("protocol", "1", "protocol: must be an integer"),
    ("protocol", True, "protocol: must be an integer"),
    ("execution", None, "execution: must be a string"),
    ("execution", "\ud800", "execution: must not contain a lone surrogate"),
    ("surprise", 1, "surprise: is not a known key"),
    ("files", [], "files: must contain the source"),
    ("files", {}, "files: must be an array"),
    ("files", ["main.py"], "files[0]: must be an object"),
    ("files", [{"path": "a"}], "files[0].text: is missing"),
    ("files", [{"path": "a", "text": "", "base64": ""}], "files[0].text: is not a known key"),
    ("files", [{"path": "a", "text": "", "mode": 1}], "files[0].mode: is not a known key"),
    ("files", [{"path": "a", "base64": "A"}], "files[0].base64: must be padded base64"),
    ("files", [{"path": "a", "base64": "A*=="}], "files[0].base64: must be base64"),
    ("files", [{"path": "a", "text": ""}] * 2, "files[1].path: is a duplicate"),
    ("compile", [], "compile: must be an object"),
    ("compile", {"command": ["cc"]}, "compile.timeout_seconds: is missing"),
    ("compile", {"command": [], "timeout_seconds": 1}, "compile.command: must name a program"),
    ("compile", {"command": ["cc"], "timeout_seconds": 0}, "compile.timeout_seconds: must be"),
    ("run", None, "run: must be an object"),
    ("run", {"command": "ls"}, "run.command: must be an array"),
    ("run", {"command": [""]}, "run.command: must name a program"),
    ("run", {"command": ["a", 1]}, "run.command[1]: must be a string"),
    ("run", {"command": ["a", "\0"]}, "run.command[1]: must not contain a NUL"),
    ("run", {"command": ["a"], "timeout_seconds": 0}, "run.timeout_seconds: must be finite"),
    ("run", {"command": ["a"], "limit": 1}, "run.limit: is not a known key"),
    ("merge_output", 1, "merge_output: must be true or false"),
    ("syntax_check", {}, "syntax_check.command: is missing"),
    ("environment", [], "environment: must be an object"),
    ("environment", {"A": 1}, "environment.A: must be a string"),
    ("environment", {"A": "\0"}, "environment.A: must not contain a NUL"),
    ("environment", {"": "x"}, "environment: a name must not"),
    ("environment", {"A=B": "x"}, "environment: a name must not"),
    ("stdin", 5, "stdin: must be a string"),
    ("timeout_seconds", "5", "timeout_seconds: must be a number"),
    ("timeout_seconds", False, "timeout_seconds: must be a number"),
    ("timeout_seconds", 0, "timeout_seconds: must be finite and greater than 0"),
    ("timeout_seconds", -1.0, "timeout_seconds: must be finite and greater than 0"),
    ("timeout_seconds", float("nan"), "timeout_seconds: must be finite and greater than 0"),
    ("timeout_seconds", float("inf"), "timeout_seconds: must be finite and greater than 0"),
    ("timeout_seconds", 10**400, "timeout_seconds: must be finite and greater than 0"),
    ("output_files", "*", "output_files: must be an array"),
    ("output_files", ["../x"], "output_files[0]: must be a relative path"),
    ("limits.stdout_bytes", -1, "limits.stdout_bytes: must be from 0"),
    ("limits.stderr_bytes", 1.5, "limits.stderr_bytes: must be an integer"),
    ("limits.files_bytes", None, "limits.files_bytes: must be an integer"),
    ("limits.more", 1, "limits.more: is not a known key"),
    ("limits.rlimits", {}, "limits.rlimits.nproc: is missing"),
    ("limits.rlimits.nproc", 2**63, "limits.rlimits.nproc: must be from 0"),
    ("limits.rlimits.cpu", 1, "limits.rlimits.cpu: is not a known key"),
    ("afterwards", "again", "afterwards: must be one of exit, reset, keepFiles"),
    ("afterwards", None, "afterwards: must be a string"),
]


@pytest.mark.parametrize(("key", "value", "message"), _WRONG)
def test_an_invalid_key_of_the_frame_is_named(
    supervisors: Supervisors, key: str, value: Any, message: str
) -> None:
    frame = copy.deepcopy(frame_of(["touch", "ran"]))
    *parents, last = key.split(".")
    place = frame
    for parent in parents:
        place = place[parent]
    place[last] = value
    result = supervisors.start().run(frame)
    assert result.code == 2
    assert result.error.startswith(f"frame: {message}"), result.error
    assert not (supervisors.workspace / "ran").exists()


def test_each_key_of_the_frame_is_required(supervisors: Supervisors) -> None:
    for key in frame_of(["true"]):
        frame = frame_of(["true"])
        del frame[key]
        assert supervisors.start().run(frame).error == f"frame: {key}: is missing"


def test_a_frame_can_arrive_in_single_bytes(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    for byte in HELLO + encoded(frame_of(["true"])):
        peer.send(bytes([byte]))
    assert peer.finish().exit["exit_code"] == 0


def test_bytes_after_the_frame_are_not_read(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO + encoded(frame_of(["cat"])) + encoded(frame_of(["false"])))
    result = peer.finish()
    assert (result.exit["exit_code"], result.stdout, len(result.stages)) == (0, "", 1)


def test_the_exit_event_of_a_program_has_exactly_the_documented_fields(
    supervisors: Supervisors,
) -> None:
    exit_event = supervisors.run(["true"]).exit
    stated = (ROOT / "docs" / "design" / "protocol.md").read_text(encoding="utf-8")
    table = stated.split("### `exit`")[1].split("\n###")[0]
    fields = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert {*exit_event, "listed", "problem", "cell"} == {"seq", "event", *fields}


@pytest.mark.parametrize("end", ["input", "SIGTERM", "time"])
def test_the_supervisor_stays_after_the_exit_event_until_it_is_released(
    supervisors: Supervisors, end: str
) -> None:
    lingers = 0.5 if end == "time" else 3600.0
    peer = supervisors.start(linger_seconds=lingers)
    peer.send(HELLO + encoded(frame_of(["true"])))
    peer.read_until(b'"exit"')
    assert peer.process.poll() is None
    if end == "SIGTERM":
        peer.process.send_signal(signal.SIGTERM)
    if end != "input":
        assert peer.process.wait(ENOUGH) == {"SIGTERM": 143, "time": 0}[end]
    assert peer.finish().code in (0, 143)

"""The frame that makes a waiting Pod start processes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from support.data.documents import section, tables
from support.data.names import ROOT

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.protocol.frame import frame
from cloche_operator.protocol.prestart_frame import prestart_frame
from cloche_supervisor.protocol.frame import read
from cloche_supervisor.protocol.prestart_frame import PrestartFrame

USED = UsedResources(cpu="1", memory="512Mi", disk="100Mi")
RUNTIME: dict[str, Any] = {
    "image": "i",
    "fileName": "main.py",
    "run": {"command": ["python3", "main.py"]},
    "environment": {"A": "1"},
}
FULL = {
    "name": "full",
    "stage": "Compile",
    "command": ["python3", "main.py"],
    "environment": {"PYTHONPATH": "/opt"},
    "deniedEnvironment": ["PYTHON*"],
    "deniedPaths": [".local/lib/python*"],
    "modules": ["numpy"],
    "placeholder": {"content": "#\n", "replacement": "InPlace"},
    "when": {"suffixes": [".py"], "lines": ["import *numpy*"]},
    "unless": {"suffixes": [".py"], "lines": ["#!*ruby*"]},
}
BARE = {"name": "bare", "command": ["python3", "main.py"]}


def sent(*processes: dict[str, Any], enabled: list[str] | None = None) -> PrestartFrame | None:
    """Return what the supervisor gets for these processes, all enabled."""
    names = [one["name"] for one in processes] if enabled is None else enabled
    prestart = {"enabled": names, "processes": list(processes)}
    data = prestart_frame(RuntimeSpec.model_validate({**RUNTIME, "prestart": prestart}), USED)
    if data is None:
        return None
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    found = read(data[4:])
    assert isinstance(found, PrestartFrame)
    assert len(found.processes) == len(json.loads(data[4:])["prestart"]["processes"])
    return found


def test_a_process_has_the_environment_and_the_limits_of_a_program() -> None:
    found = sent(BARE)
    assert found is not None
    spec = ExecutionSpec.model_validate({"language": "python", "code": ""})
    body = json.loads(frame("uid", spec, RuntimeSpec.model_validate(RUNTIME), USED)[4:])
    assert found.environment == body["environment"]
    assert found.rlimits == body["limits"]["rlimits"]


def test_all_fields_of_a_process_reach_the_supervisor() -> None:
    found = sent(FULL)
    assert found is not None
    (process,) = found.processes
    assert (process.stage, process.command) == ("compile", ("python3", "main.py"))
    assert process.environment == {"PYTHONPATH": "/opt"}
    assert process.denied_environment == ("PYTHON*",)
    assert process.denied_paths == (".local/lib/python*",)
    assert process.modules == {"numpy"}
    assert process.placeholder is not None
    assert (process.placeholder.path, process.placeholder.content) == ("main.py", b"#\n")
    assert process.placeholder.in_place
    assert process.when is not None
    assert (process.when.suffixes, process.when.lines) == ((".py",), ("import *numpy*",))
    assert process.unless is not None
    assert process.unless.lines == ("#!*ruby*",)


def test_what_a_process_does_not_set_is_not_sent() -> None:
    found = sent(BARE)
    assert found is not None
    (process,) = found.processes
    assert (process.stage, process.environment, process.placeholder) == ("run", {}, None)


def test_only_enabled_processes_are_sent_in_their_order() -> None:
    found = sent(FULL, BARE, {**BARE, "name": "third"}, enabled=["third", "full"])
    assert found is not None
    assert [process.stage for process in found.processes] == ["compile", "run"]


@pytest.mark.parametrize("prestart", [None, {}, {"processes": [BARE]}, {"enabled": []}])
def test_nothing_is_sent_if_no_process_is_enabled(prestart: dict[str, Any] | None) -> None:
    runtime = RuntimeSpec.model_validate({**RUNTIME, "prestart": prestart})
    assert prestart_frame(runtime, USED) is None


def test_a_frame_that_is_too_large_is_not_sent() -> None:
    many = {**BARE, "environment": {f"V{n}": "€" * 4096 for n in range(16)}}
    assert sent(*({**many, "name": f"n{n}"} for n in range(4))) is not None
    assert sent(*({**many, "name": f"n{n}"} for n in range(8))) is None


def test_the_frame_has_exactly_the_documented_keys() -> None:
    top, of_process = tables(section("docs/design/protocol.md", "### The prestart frame"))
    runtime = {**RUNTIME, "prestart": {"enabled": ["full"], "processes": [FULL]}}
    data = prestart_frame(RuntimeSpec.model_validate(runtime), USED)
    assert data is not None
    content = json.loads(data[4:])["prestart"]
    assert {row[0].strip("`") for row in top} == set(content)
    assert {row[0].strip("`") for row in of_process} == set(content["processes"][0])


def _installed() -> list[str]:
    paths = sorted(ROOT.glob("runtimes/*/runtime.yaml"))
    return [path.parent.name for path in paths if "prestart:" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", _installed())
def test_the_processes_of_an_installed_language_can_all_be_started(name: str) -> None:
    text = (ROOT / "runtimes" / name / "runtime.yaml").read_text(encoding="utf-8")
    spec = RuntimeSpec.model_validate(yaml.safe_load(text)["spec"])
    assert spec.prestart is not None
    processes = spec.prestart.processes or []
    assert set(spec.prestart.enabled or []) <= {one.name for one in processes}
    everything = spec.prestart.model_copy(update={"enabled": [one.name for one in processes]})
    data = prestart_frame(spec.model_copy(update={"prestart": everything}), USED)
    assert data is not None
    found = read(data[4:])
    assert isinstance(found, PrestartFrame)
    assert len(found.processes) == len(processes)

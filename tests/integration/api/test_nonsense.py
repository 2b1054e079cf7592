"""Invalid resources: the API server rejects them and names the field."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, ApiServer
from support.fixtures.control_planes import ControlPlane

from cloche_api.meta import API_VERSION

Make = Callable[..., dict[str, Any]]
KIB = 1024
SOURCE = {"name": "one-0123abcd", "bytes": 1}

EXECUTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no language": ({"language": None}, "spec.language: Required value"),
    "no code": ({"code": None}, "spec.code: Required value"),
    "neither code nor a source": ({"code": None, "stdin": "a"}, "spec.code: Required value"),
    "code and a source": (
        {"source": SOURCE, "code": "1"},
        "must be absent if source is set",
    ),
    "stdin together with a source": (
        {"code": None, "stdin": "a", "source": SOURCE},
        "must be absent if source is set",
    ),
    "a source without a name": ({"code": None, "source": {"bytes": 1}}, "spec.source.name: Req"),
    "a source with an invalid name": (
        {"code": None, "source": {"name": "../pods/x", "bytes": 1}},
        "spec.source.name: Invalid value",
    ),
    "a source without bytes": (
        {"code": None, "source": {"name": "one-0123abcd"}},
        "spec.source.bytes: Required value",
    ),
    "a source with a negative size": (
        {"code": None, "source": {"name": "one-0123abcd", "bytes": -1}},
        "spec.source.bytes: Invalid value",
    ),
    "a source over the limit": (
        {"code": None, "source": {"name": "one-0123abcd", "bytes": 700 * KIB + 1}},
        "spec.source.bytes: Invalid value",
    ),
    "code is a number": ({"code": 1}, "spec.code: Invalid value"),
    "code is a list": ({"code": ["print(1)"]}, "spec.code: Invalid value"),
    "language is a list": ({"language": ["python"]}, "spec.language: Invalid value"),
    "language is empty": ({"language": ""}, "spec.language: Invalid value"),
    "language with a space": ({"language": "py thon"}, "spec.language: Invalid value"),
    "language too long": ({"language": "x" * 64}, "spec.language: Too long"),
    "unknown field": ({"langauge": "python"}, 'unknown field "spec.langauge"'),
    "unknown field within": (
        {"resources": {"gpu": 1}},
        'unknown field "spec.resources.gpu"',
    ),
    "timeout of zero": ({"timeoutSeconds": 0}, "spec.timeoutSeconds: Invalid value"),
    "timeout too long": ({"timeoutSeconds": 301}, "spec.timeoutSeconds: Invalid value"),
    "timeout negative": ({"timeoutSeconds": -1}, "spec.timeoutSeconds: Invalid value"),
    "timeout as text": ({"timeoutSeconds": "30"}, "spec.timeoutSeconds: Invalid value"),
    "compile timeout of zero": (
        {"compileTimeoutSeconds": 0.0},
        "spec.compileTimeoutSeconds: Invalid value",
    ),
    "merged output as text": ({"mergeOutput": "yes"}, "spec.mergeOutput: Invalid value"),
    "ttl negative": (
        {"ttlSecondsAfterFinished": -1},
        "spec.ttlSecondsAfterFinished: Invalid value",
    ),
    "ttl of two years": (
        {"ttlSecondsAfterFinished": 63_072_000},
        "spec.ttlSecondsAfterFinished: Invalid value",
    ),
    "cancel as text": ({"cancel": "yes"}, "spec.cancel: Invalid value"),
    "invalid quantity for memory": (
        {"resources": {"memory": "lots"}},
        "spec.resources.memory: Invalid value",
    ),
    "memory in megabits": (
        {"resources": {"memory": "512Mb"}},
        "spec.resources.memory: Invalid value",
    ),
    "memory negative": ({"resources": {"memory": "-1Mi"}}, "spec.resources.memory: Invalid value"),
    "memory of zero": ({"resources": {"memory": "0Mi"}}, "memory must be more than 0"),
    "cpu of zero": ({"resources": {"cpu": 0}}, "cpu must be more than 0"),
    "cpu negative": ({"resources": {"cpu": -1}}, "cpu must be more than 0"),
    "cpu is a fraction": ({"resources": {"cpu": 0.5}}, "spec.resources.cpu: Invalid value"),
    "cpu with an exponent": ({"resources": {"cpu": "1e3"}}, "spec.resources.cpu: Invalid value"),
    "disk of zero": ({"resources": {"disk": "0"}}, "disk must be more than 0"),
    "disk is true": ({"resources": {"disk": True}}, "spec.resources.disk: Invalid value"),
    "disk over memory": (
        {"resources": {"memory": "100Mi", "disk": "101Mi"}},
        "disk must not be more than memory",
    ),
    "code too long by characters": ({"code": "x" * (256 * KIB + 1)}, "spec.code: Too long"),
    "code too long by bytes": (
        {"code": "ü" * (128 * KIB + 1)},
        "must be at most 256 KiB of UTF-8",
    ),
    "stdin too long by bytes": (
        {"stdin": "🪴" * (64 * KIB + 1)},
        "must be at most 256 KiB of UTF-8",
    ),
    "arguments too long": (
        {"args": ["x" * 40 * KIB, "y" * 25 * KIB]},
        "must be at most 64 KiB together",
    ),
    "arguments too long by bytes": (
        {"args": ["ü" * 33 * KIB]},
        "must be at most 64 KiB together",
    ),
    "too many arguments": ({"args": ["x"] * 129}, "spec.args: Too many"),
    "arguments are text": ({"args": "one two"}, "spec.args: Invalid value"),
    "an argument is a number": ({"args": [1]}, "spec.args[0]: Invalid value"),
    "NUL in an argument": ({"args": ["a\x00b"]}, "must not contain a NUL"),
    "environment is a list": ({"environment": ["A=1"]}, "spec.environment: Invalid value"),
    "environment name with a digit": (
        {"environment": {"1A": "x"}},
        "names must be letters, digits and underscores",
    ),
    "environment name with =": ({"environment": {"A=B": "x"}}, "names must be letters"),
    "empty environment name": ({"environment": {"": "x"}}, "names must be letters"),
    "environment name with a line break": ({"environment": {"A\n": "x"}}, "names must be letters"),
    "environment value a number": ({"environment": {"A": 1}}, "spec.environment.A: Invalid value"),
    "NUL in an environment value": ({"environment": {"A": "\x00"}}, "must not contain a NUL"),
    "environment too long": (
        {"environment": {"A": "x" * 40 * KIB, "B": "y" * 25 * KIB}},
        "must be at most 64 KiB together",
    ),
    "environment too long by bytes": (
        {"environment": {"A": "ü" * 33 * KIB}},
        "must be at most 64 KiB together",
    ),
    "too many variables": (
        {"environment": {f"A{n}": "" for n in range(129)}},
        "spec.environment: Too many",
    ),
    "a file with text and base64": (
        {"files": [{"path": "a", "content": "x", "contentBase64": "eA=="}]},
        "each file must have either content or contentBase64",
    ),
    "a file without content": (
        {"files": [{"path": "a"}]},
        "each file must have either content or contentBase64",
    ),
    "a file without a path": ({"files": [{"content": "x"}]}, "spec.files[0].path: Required value"),
    "an empty path": (
        {"files": [{"path": "", "content": "x"}]},
        "spec.files[0].path: Invalid value",
    ),
    "a path too long": (
        {"files": [{"path": "x" * 256, "content": "x"}]},
        "spec.files[0].path: Too long",
    ),
    **{
        f"the path {path!r}": (
            {"files": [{"path": path, "content": "x"}]},
            "must be a relative path without empty, '.' or '..' parts",
        )
        for path in ("/etc/passwd", "../x", "a/../../x", "a/..", "..", ".", "a//b", "a/", "./a")
    },
    "NUL in a path": ({"files": [{"path": "a\x00b", "content": "x"}]}, "must not contain a NUL"),
    "invalid base64": (
        {"files": [{"path": "a", "contentBase64": "not base64!"}]},
        "spec.files[0].contentBase64: Invalid value",
    ),
    "too many files": (
        {"files": [{"path": f"f{n}", "content": ""} for n in range(65)]},
        "spec.files: Too many",
    ),
    "files too large together": (
        {"files": [{"path": f"f{n}", "content": "x" * 200 * KIB} for n in range(3)]},
        "must be at most 512 KiB together",
    ),
    "files too large in base64": (
        {"files": [{"path": f"f{n}", "contentBase64": "A" * 240 * KIB} for n in range(3)]},
        "must be at most 512 KiB together",
    ),
    "output files above the workspace": ({"outputFiles": ["../*"]}, "must be a relative path"),
    "absolute output files": ({"outputFiles": ["/etc/*"]}, "must be a relative path"),
    "output files above /tmp": ({"outputFiles": ["/tmp/../a"]}, "must be a relative path"),
    "all of /tmp as a name": ({"outputFiles": ["/tmp/"]}, "must be a relative path"),
    "too many output files": ({"outputFiles": ["*"] * 65}, "spec.outputFiles: Too many"),
    "session with a space": ({"session": "a b"}, "spec.session: Invalid value"),
    "empty session": ({"session": ""}, "spec.session: Invalid value"),
    "session too long": ({"session": "x" * 64}, "spec.session: Too long"),
    "tenant with a slash": ({"tenant": "a/b"}, "spec.tenant: Invalid value"),
    "all fields together too large": (
        {
            "code": "x" * 256 * KIB,
            "stdin": "y" * 256 * KIB,
            "files": [{"path": "f", "content": "z" * 256 * KIB}],
        },
        "must be at most 700 KiB together",
    ),
}

RUNTIMES: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": None}, "spec.image: Required value"),
    "empty image": ({"image": ""}, "spec.image: Invalid value"),
    "image with a space": ({"image": "a b"}, "spec.image: Invalid value"),
    "no command": ({"run": None}, "spec.run: Required value"),
    "empty command": ({"run": {"command": []}}, "spec.run.command: Invalid value"),
    "command as text": ({"run": {"command": "python3"}}, "spec.run.command: Invalid value"),
    "empty command argument": ({"run": {"command": [""]}}, "spec.run.command[0]: Invalid value"),
    "no file name": ({"fileName": None}, "spec.fileName: Required value"),
    "file name with a slash": ({"fileName": "../main.py"}, "spec.fileName: Invalid value"),
    "hidden file name": ({"fileName": ".main"}, "spec.fileName: Invalid value"),
    "unknown pull policy": (
        {"imagePullPolicy": "Sometimes"},
        'spec.imagePullPolicy: Unsupported value: "Sometimes"',
    ),
    "compile without a command": ({"compile": {}}, "spec.compile.command: Required value"),
    "compile for an hour": (
        {"compile": {"command": ["cc"], "timeoutSeconds": 3600}},
        "spec.compile.timeoutSeconds: Invalid value",
    ),
    "negative pool": ({"pool": {"size": -1}}, "spec.pool.size: Invalid value"),
    "huge pool": ({"pool": {"size": 1001}}, "spec.pool.size: Invalid value"),
    "unknown reuse": ({"pool": {"reuse": "Always"}}, "spec.pool.reuse: Unsupported value"),
    "zero executions per Pod": (
        {"pool": {"maxExecutionsPerPod": 0}},
        "spec.pool.maxExecutionsPerPod: Invalid value",
    ),
    "an alias twice": ({"aliases": ["py", "py"]}, "spec.aliases[1]: Duplicate value"),
    "an alias with a space": ({"aliases": ["py thon"]}, "spec.aliases[0]: Invalid value"),
    "defaults without memory": (
        {"resources": {"defaults": {"cpu": "1", "disk": "1Mi"}}},
        "spec.resources.defaults.memory: Required value",
    ),
    "invalid maximum": (
        {"resources": {"maximum": {"cpu": "many", "memory": "1Gi", "disk": "1Gi"}}},
        "spec.resources.maximum.cpu: Invalid value",
    ),
    "maximum with zero memory": (
        {"resources": {"maximum": {"cpu": 1, "memory": 0, "disk": "1Gi"}}},
        "memory must be more than 0",
    ),
    "minimum over the defaults": (
        {"resources": {"minimum": {"memory": "513Mi"}}},
        "minimum.memory must not be more than defaults.memory",
    ),
    "defaults over the maximum": (
        {"resources": {"defaults": {"cpu": "2500m", "memory": "1Gi", "disk": "1Gi"}}},
        "defaults.cpu must not be more than maximum.cpu",
    ),
    "a failure message that matches any line": (
        {"failureMessages": {"outOfMemory": ["*error*"]}},
        "spec.failureMessages.outOfMemory[0]: Invalid value",
    ),
    "unknown toleration effect": (
        {"tolerations": [{"effect": "Maybe"}]},
        "spec.tolerations[0].effect: Unsupported value",
    ),
    "RuntimeClass in capitals": (
        {"runtimeClassName": "GVisor"},
        "spec.runtimeClassName: Invalid value",
    ),
    "environment name": ({"environment": {"A-B": "x"}}, "names must be letters"),
    "unknown field": ({"imagePolicy": "Always"}, 'unknown field "spec.imagePolicy"'),
    "node selector of numbers": (
        {"nodeSelector": {"a": 1}},
        "spec.nodeSelector.a: Invalid value",
    ),
}


SESSIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no language": ({"language": None}, "spec.language: Required value"),
    "language with a space": ({"language": "py thon"}, "spec.language: Invalid value"),
    "language too long": ({"language": "x" * 64}, "spec.language: Too long"),
    "tenant with a slash": ({"tenant": "a/b"}, "spec.tenant: Invalid value"),
    "empty tenant": ({"tenant": ""}, "spec.tenant: Invalid value"),
    "tenant too long": ({"tenant": "x" * 64}, "spec.tenant: Too long"),
    "idle timeout of zero": (
        {"idleTimeoutSeconds": 0},
        "spec.idleTimeoutSeconds: Invalid value",
    ),
    "idle timeout over a day": (
        {"idleTimeoutSeconds": 86_401},
        "spec.idleTimeoutSeconds: Invalid value",
    ),
    "idle timeout as text": (
        {"idleTimeoutSeconds": "600"},
        "spec.idleTimeoutSeconds: Invalid value",
    ),
    "lifetime of zero": ({"lifetimeSeconds": 0}, "spec.lifetimeSeconds: Invalid value"),
    "lifetime over a day": ({"lifetimeSeconds": 86_401}, "spec.lifetimeSeconds: Invalid value"),
    "fractional lifetime": ({"lifetimeSeconds": 1.5}, "spec.lifetimeSeconds: Invalid value"),
    "invalid quantity for memory": (
        {"resources": {"memory": "lots"}},
        "spec.resources.memory: Invalid value",
    ),
    "memory of zero": ({"resources": {"memory": "0Mi"}}, "memory must be more than 0"),
    "disk over memory": (
        {"resources": {"memory": "100Mi", "disk": "101Mi"}},
        "disk must not be more than memory",
    ),
    "code in a session": ({"code": "print(1)"}, 'unknown field "spec.code"'),
}


@pytest.fixture(scope="module")
def unused_namespace(control_plane: ControlPlane) -> str:
    """A namespace in which no object is created."""
    name = f"nonsense-{uuid.uuid4().hex[:10]}"
    control_plane.kubectl("create", "namespace", name)
    return name


def cases(table: dict[str, tuple[dict[str, Any], str]], step: int = 1) -> pytest.MarkDecorator:
    """The cases of a table, or every third of them, by name."""
    names = list(table)[::step]
    return pytest.mark.parametrize(("spec", "words"), [table[n] for n in names], ids=names)


def rejection(server: ApiServer, namespace: str, plural: str, document: dict[str, Any]) -> str:
    """Return the API server's error about a document that is sent as by kubectl."""
    path = f"{CLOCHE}/{namespace}/{plural}?fieldValidation=Strict"
    answer = server.ask("POST", path, document)
    assert answer.status_code in (400, 422)
    message: str = answer.json()["message"]
    return message


def apply_error(plane: ControlPlane, namespace: str, document: dict[str, Any]) -> str:
    """Return the error of kubectl apply."""
    text = json.dumps(document)
    # The annotation of a plain apply takes no more than 256 KiB.
    how = ["--server-side"] if len(text) > 200 * KIB else []
    done = plane.kubectl.run("apply", *how, "-n", namespace, "-f", "-", stdin=text)
    message = done.stdout + done.stderr
    assert "applied" not in message
    assert "created" not in message
    return message


@cases(EXECUTIONS)
def test_the_api_server_rejects_an_invalid_execution_and_names_the_field(
    server: ApiServer, unused_namespace: str, execution: Make, spec: dict[str, Any], words: str
) -> None:
    message = rejection(server, unused_namespace, "sandboxexecutions", execution(**spec))
    assert words in message
    assert f"spec.{next(iter(spec))}" in message or len(spec) > 1


@cases(RUNTIMES)
def test_the_api_server_rejects_an_invalid_runtime_and_names_the_field(
    server: ApiServer, unused_namespace: str, runtime: Make, spec: dict[str, Any], words: str
) -> None:
    message = rejection(server, unused_namespace, "sandboxruntimes", runtime(**spec))
    assert words in message
    assert f"spec.{next(iter(spec))}" in message


@cases(SESSIONS)
def test_the_api_server_rejects_an_invalid_session_and_names_the_field(
    server: ApiServer,
    unused_namespace: str,
    sandbox_session: Make,
    spec: dict[str, Any],
    words: str,
) -> None:
    message = rejection(server, unused_namespace, "sandboxsessions", sandbox_session(**spec))
    assert words in message
    assert f"spec.{next(iter(spec))}" in message


@cases(EXECUTIONS, step=3)
def test_kubectl_apply_reports_why_an_execution_is_invalid(
    control_plane: ControlPlane,
    unused_namespace: str,
    execution: Make,
    spec: dict[str, Any],
    words: str,
) -> None:
    assert words in apply_error(control_plane, unused_namespace, execution(**spec))


@cases(RUNTIMES, step=3)
def test_kubectl_apply_reports_why_a_runtime_is_invalid(
    control_plane: ControlPlane,
    unused_namespace: str,
    runtime: Make,
    spec: dict[str, Any],
    words: str,
) -> None:
    assert words in apply_error(control_plane, unused_namespace, runtime(**spec))


@pytest.mark.parametrize("kind", ["SandboxExecution", "SandboxRuntime", "SandboxSession"])
@pytest.mark.parametrize("spec", [{}, {"spec": None}, {"spec": []}, {"spec": "x"}])
def test_a_resource_without_a_spec_is_rejected(
    control_plane: ControlPlane, unused_namespace: str, kind: str, spec: dict[str, Any]
) -> None:
    document = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "x"}}
    assert "spec" in apply_error(control_plane, unused_namespace, document | spec)

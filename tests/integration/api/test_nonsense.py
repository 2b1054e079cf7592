"""Nonsense by kubectl apply: the API server refuses it and names the field."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from support.api_server import CLOCHE, ApiServer
from support.planes import ControlPlane

Make = Callable[..., dict[str, Any]]
KIB = 1024
SOURCE = {"name": "one-0123abcd", "bytes": 1}

EXECUTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no language": ({"language": None}, "spec.language: Required value"),
    "no code": ({"code": None}, "spec.code: Required value"),
    "neither code nor a source": ({"code": None, "stdin": "a"}, "spec.code: Required value"),
    "code and a source": (
        {"source": SOURCE, "code": "1"},
        "must be absent where there is a source",
    ),
    "stdin beside a source": (
        {"code": None, "stdin": "a", "source": SOURCE},
        "must be absent where there is a source",
    ),
    "a source without a name": ({"code": None, "source": {"bytes": 1}}, "spec.source.name: Req"),
    "a source that is no name": (
        {"code": None, "source": {"name": "../pods/x", "bytes": 1}},
        "spec.source.name: Invalid value",
    ),
    "a source without bytes": (
        {"code": None, "source": {"name": "one-0123abcd"}},
        "spec.source.bytes: Required value",
    ),
    "a source of less than nothing": (
        {"code": None, "source": {"name": "one-0123abcd", "bytes": -1}},
        "spec.source.bytes: Invalid value",
    ),
    "a source of more than an execution may have": (
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
    "timeout of nothing": ({"timeoutSeconds": 0}, "spec.timeoutSeconds: Invalid value"),
    "timeout too long": ({"timeoutSeconds": 301}, "spec.timeoutSeconds: Invalid value"),
    "timeout negative": ({"timeoutSeconds": -1}, "spec.timeoutSeconds: Invalid value"),
    "timeout as text": ({"timeoutSeconds": "30"}, "spec.timeoutSeconds: Invalid value"),
    "timeout of a half": ({"timeoutSeconds": 1.5}, "spec.timeoutSeconds: Invalid value"),
    "ttl negative": (
        {"ttlSecondsAfterFinished": -1},
        "spec.ttlSecondsAfterFinished: Invalid value",
    ),
    "ttl of two years": (
        {"ttlSecondsAfterFinished": 63_072_000},
        "spec.ttlSecondsAfterFinished: Invalid value",
    ),
    "cancel as text": ({"cancel": "yes"}, "spec.cancel: Invalid value"),
    "memory is no quantity": (
        {"resources": {"memory": "lots"}},
        "spec.resources.memory: Invalid value",
    ),
    "memory in megabits": (
        {"resources": {"memory": "512Mb"}},
        "spec.resources.memory: Invalid value",
    ),
    "memory negative": ({"resources": {"memory": "-1Mi"}}, "spec.resources.memory: Invalid value"),
    "memory of nothing": ({"resources": {"memory": "0Mi"}}, "memory must be more than 0"),
    "cpu of nothing": ({"resources": {"cpu": 0}}, "cpu must be more than 0"),
    "cpu negative": ({"resources": {"cpu": -1}}, "cpu must be more than 0"),
    "cpu is a fraction": ({"resources": {"cpu": 0.5}}, "spec.resources.cpu: Invalid value"),
    "cpu of an exponent": ({"resources": {"cpu": "1e3"}}, "spec.resources.cpu: Invalid value"),
    "disk of nothing": ({"resources": {"disk": "0"}}, "disk must be more than 0"),
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
    "environment name of nothing": ({"environment": {"": "x"}}, "names must be letters"),
    "environment name with a line": ({"environment": {"A\n": "x"}}, "names must be letters"),
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
    "a file with both": (
        {"files": [{"path": "a", "content": "x", "contentBase64": "eA=="}]},
        "each file must have either content or contentBase64",
    ),
    "a file with neither": (
        {"files": [{"path": "a"}]},
        "each file must have either content or contentBase64",
    ),
    "a file without a path": ({"files": [{"content": "x"}]}, "spec.files[0].path: Required value"),
    "a path of nothing": (
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
    "base64 that is none": (
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
    "output files that climb": ({"outputFiles": ["../*"]}, "must be a relative path"),
    "output files from the root": ({"outputFiles": ["/etc/*"]}, "must be a relative path"),
    "too many output files": ({"outputFiles": ["*"] * 65}, "spec.outputFiles: Too many"),
    "session with a space": ({"session": "a b"}, "spec.session: Invalid value"),
    "session of nothing": ({"session": ""}, "spec.session: Invalid value"),
    "session too long": ({"session": "x" * 64}, "spec.session: Too long"),
    "tenant with a slash": ({"tenant": "a/b"}, "spec.tenant: Invalid value"),
    "all of it together": (
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
    "image of nothing": ({"image": ""}, "spec.image: Invalid value"),
    "image with a space": ({"image": "a b"}, "spec.image: Invalid value"),
    "no command": ({"run": None}, "spec.run: Required value"),
    "empty command": ({"run": {"command": []}}, "spec.run.command: Invalid value"),
    "command as text": ({"run": {"command": "python3"}}, "spec.run.command: Invalid value"),
    "an empty word": ({"run": {"command": [""]}}, "spec.run.command[0]: Invalid value"),
    "no file name": ({"fileName": None}, "spec.fileName: Required value"),
    "file name with a slash": ({"fileName": "../main.py"}, "spec.fileName: Invalid value"),
    "file name that hides": ({"fileName": ".main"}, "spec.fileName: Invalid value"),
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
    "no executions a Pod": (
        {"pool": {"maxExecutionsPerPod": 0}},
        "spec.pool.maxExecutionsPerPod: Invalid value",
    ),
    "an alias twice": ({"aliases": ["py", "py"]}, "spec.aliases[1]: Duplicate value"),
    "an alias with a space": ({"aliases": ["py thon"]}, "spec.aliases[0]: Invalid value"),
    "defaults without memory": (
        {"resources": {"defaults": {"cpu": "1", "disk": "1Mi"}}},
        "spec.resources.defaults.memory: Required value",
    ),
    "maximum that is none": (
        {"resources": {"maximum": {"cpu": "many", "memory": "1Gi", "disk": "1Gi"}}},
        "spec.resources.maximum.cpu: Invalid value",
    ),
    "maximum of no memory": (
        {"resources": {"maximum": {"cpu": 1, "memory": 0, "disk": "1Gi"}}},
        "memory must be more than 0",
    ),
    "unknown effect": (
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
    "tenant of nothing": ({"tenant": ""}, "spec.tenant: Invalid value"),
    "tenant too long": ({"tenant": "x" * 64}, "spec.tenant: Too long"),
    "idle timeout of nothing": (
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
    "life of nothing": ({"lifetimeSeconds": 0}, "spec.lifetimeSeconds: Invalid value"),
    "life over a day": ({"lifetimeSeconds": 86_401}, "spec.lifetimeSeconds: Invalid value"),
    "life of a half": ({"lifetimeSeconds": 1.5}, "spec.lifetimeSeconds: Invalid value"),
    "memory is no quantity": (
        {"resources": {"memory": "lots"}},
        "spec.resources.memory: Invalid value",
    ),
    "memory of nothing": ({"resources": {"memory": "0Mi"}}, "memory must be more than 0"),
    "disk over memory": (
        {"resources": {"memory": "100Mi", "disk": "101Mi"}},
        "disk must not be more than memory",
    ),
    "code, as an execution has": ({"code": "print(1)"}, 'unknown field "spec.code"'),
}


@pytest.fixture(scope="module")
def nowhere(control_plane: ControlPlane) -> str:
    """A namespace where nothing is ever made."""
    name = f"nonsense-{uuid.uuid4().hex[:10]}"
    control_plane.kubectl("create", "namespace", name)
    return name


def cases(table: dict[str, tuple[dict[str, Any], str]], step: int = 1) -> pytest.MarkDecorator:
    """The cases of a table, or every third of them, by name."""
    names = list(table)[::step]
    return pytest.mark.parametrize(("spec", "words"), [table[n] for n in names], ids=names)


def posted(server: ApiServer, namespace: str, plural: str, document: dict[str, Any]) -> str:
    """Return the API server's refusal of a request like kubectl's."""
    path = f"{CLOCHE}/{namespace}/{plural}?fieldValidation=Strict"
    answer = server.ask("POST", path, document)
    assert answer.status_code in (400, 422)
    said: str = answer.json()["message"]
    return said


def applied(plane: ControlPlane, namespace: str, document: dict[str, Any]) -> str:
    """What kubectl apply says as it fails."""
    text = json.dumps(document)
    # The annotation of a plain apply takes no more than 256 KiB.
    how = ["--server-side"] if len(text) > 200 * KIB else []
    said: str = plane.kubectl("apply", *how, "-n", namespace, "-f", "-", stdin=text, check=False)
    assert "applied" not in said
    assert "created" not in said
    return said


@cases(EXECUTIONS)
def test_an_execution(
    server: ApiServer, nowhere: str, execution: Make, spec: dict[str, Any], words: str
) -> None:
    said = posted(server, nowhere, "sandboxexecutions", execution(**spec))
    assert words in said
    assert f"spec.{next(iter(spec))}" in said or len(spec) > 1


@cases(RUNTIMES)
def test_a_runtime(
    server: ApiServer, nowhere: str, runtime: Make, spec: dict[str, Any], words: str
) -> None:
    said = posted(server, nowhere, "sandboxruntimes", runtime(**spec))
    assert words in said
    assert f"spec.{next(iter(spec))}" in said


@cases(SESSIONS)
def test_a_session(
    server: ApiServer, nowhere: str, sandbox_session: Make, spec: dict[str, Any], words: str
) -> None:
    said = posted(server, nowhere, "sandboxsessions", sandbox_session(**spec))
    assert words in said
    assert f"spec.{next(iter(spec))}" in said


@cases(EXECUTIONS, step=3)
def test_an_execution_by_kubectl(
    control_plane: ControlPlane, nowhere: str, execution: Make, spec: dict[str, Any], words: str
) -> None:
    assert words in applied(control_plane, nowhere, execution(**spec))


@cases(RUNTIMES, step=3)
def test_a_runtime_by_kubectl(
    control_plane: ControlPlane, nowhere: str, runtime: Make, spec: dict[str, Any], words: str
) -> None:
    assert words in applied(control_plane, nowhere, runtime(**spec))


@pytest.mark.parametrize("kind", ["SandboxExecution", "SandboxRuntime", "SandboxSession"])
@pytest.mark.parametrize("spec", [{}, {"spec": None}, {"spec": []}, {"spec": "x"}])
def test_no_spec_at_all(
    control_plane: ControlPlane, nowhere: str, kind: str, spec: dict[str, Any]
) -> None:
    document = {"apiVersion": "cloche.dev/v1alpha1", "kind": kind, "metadata": {"name": "x"}}
    assert "spec" in applied(control_plane, nowhere, document | spec)

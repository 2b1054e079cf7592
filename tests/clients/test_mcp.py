"""MCP as its own clients use it: the official Python SDK, and the official conformance suite."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.clients.environments import node_environment, python_environment
from support.data.names import ROOT
from support.deadline import until
from support.fixtures.installation import Installation
from support.fixtures.installation_gateway import own_gateway
from support.fixtures.operator_process import free_port

from cloche_cluster.install.installer import LOCAL_KEY

SDK = ROOT / "tests" / "clients" / "programs" / "mcp_sdk.py"
ENDLESS = "time.sleep(60)"
_SECONDS = 120

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


def unfinished(http: httpx.Client) -> list[dict[str, Any]]:
    """Return the running executions, newest first."""
    listed = http.get("/api/v1/executions", params={"status": "running"})
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
    image, rows, raw = found["files"]["content"][1:]
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")
    assert (rows["resource"]["text"], raw["resource"]["blob"]) == ("1,2\n", "AAE=")
    assert len(found["languages"]["structuredContent"]["languages"]) >= 3
    assert (text(found["first"]), text(found["second"])) == ("1", "2")
    assert found["ended"]["structuredContent"]["ended"] is True
    assert "create_session" in text(found["gone"])
    assert text(found["slow"]).splitlines()[-1] == "step 3"
    counts = [count for count, _ in found["progress"]]
    assert len(counts) >= 2
    assert counts == sorted(set(counts))
    assert any((message or "").startswith("step") for _, message in found["progress"])
    # A client that leaves cancels its execution in the modern era only.
    if mode == "auto":
        until(lambda: not unfinished(http), "the execution to be cancelled", 20)
    else:
        (left,) = unfinished(http)
        http.delete(f"/api/v1/executions/{left['execution_id']}")


NEEDED: dict[str, str] = {}
"""Why scenarios do not apply: what they need of a server, by the beginning of their names."""


class Conformance:
    """Runs of the conformance suite, which sends no key, against a gateway that needs none."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = f"{url}/mcp"
        self._folder = folder
        self._program = (
            node_environment("mcp-conformance")
            / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
        )

    def run(self, *options: str) -> dict[str, dict[str, str]]:
        """Return the worst status of each check, by scenario."""
        folder = self._folder / "-".join(options).strip("-")
        subprocess.run(
            ["node", str(self._program), "server", "--url", self._url, *options, "-o", str(folder)],
            env={"PATH": os.environ["PATH"]}, capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        found: dict[str, dict[str, str]] = {}
        for file in sorted(folder.glob("*/checks.json")):
            scenario = file.parent.name.removeprefix("server-").rsplit("-20", 1)[0]
            statuses = found.setdefault(scenario, {})
            for check in json.loads(file.read_text()):
                worst = (check["status"], statuses.get(check["id"], "SKIPPED"))
                statuses[check["id"]] = min(worst, key=_WORST.index)
        return found


_WORST = ("FAILURE", "WARNING", "SUCCESS", "INFO", "SKIPPED")


@pytest.fixture(scope="module")
def conformance(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, port = tmp_path_factory.mktemp("conformance"), free_port()
    settings = {
        "DIALECTS": "mcp",
        "KEYLESS": f"mcp={LOCAL_KEY}",
        "CORS_ORIGINS": f"http://127.0.0.1:{port}",
    }
    with own_gateway(installation, folder, port, **settings) as url:
        yield Conformance(url, folder)

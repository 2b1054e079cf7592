"""docs/operate/adding-a-language.md, followed to the letter while everything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.clients import images
from support.clients.kubectl import InstallationKubectl
from support.data.names import ROOT, SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute

PAGE = (ROOT / "docs" / "operate" / "adding-a-language.md").read_text(encoding="utf-8")
PUBLISHED = "registry.example.com/team/runtime-lua:5.4"


def block(language: str) -> str:
    """The page's first block of code in that language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def lua(kubectl: InstallationKubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    context: Path = tmp_path_factory.mktemp("lua")
    (context / "Dockerfile").write_text(block("dockerfile"), encoding="utf-8")
    bash = kubectl.json("get", "sbr", "bash", "-n", SANDBOXES)["spec"]["image"]
    reference = images.load("runtime-lua", context, bash)
    manifest = block("yaml")
    assert PUBLISHED in manifest
    kubectl("apply", "-n", SANDBOXES, "-f", "-", stdin=manifest.replace(PUBLISHED, reference))
    yield
    kubectl("delete", "sbr", "lua", "-n", SANDBOXES)


@pytest.mark.usefixtures("lua")
def test_an_added_language_is_listed_within_seconds_and_runs(
    http: httpx.Client, execute: Execute
) -> None:
    def listed() -> bool:
        return "lua" in http.get("/api/v1/execute/languages").json()

    until(listed, "lua to be listed", 5)
    assert http.get("/api/v1/execute/language/lua5.4/info").json()["version"] == "5.4"
    answer = execute('print("Hello from Lua")', "lua")
    assert (answer["stdout"], answer["exit_code"]) == ("Hello from Lua\n", 0)


@pytest.mark.usefixtures("lua")
def test_a_syntax_error_in_an_added_language_is_400(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute", json={"code": "print(", "language": "lua"})

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["detail"].startswith("Invalid code syntax: luac5.4: main.lua:1:")

"""The command line around an installation: keys, doctor, kubectl, MCP, pages."""

from __future__ import annotations

import json
import uuid

import pytest
from support.deadline import until
from support.fixtures.client.installed_client import InstalledClient


def test_a_key_is_created_used_listed_and_revoked(installed_client: InstalledClient) -> None:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    created = installed_client.call(
        "cloche", "key", "create", name, "--tenant", "course", "--rate", "50", "--expires", "1h"
    )
    key = created.stdout.strip()
    assert created.returncode == 0, created.stderr
    assert key.startswith("clk_")
    try:
        until(
            lambda: installed_client.call("cloche", "ps", CLOCHE_API_KEY=key).returncode == 0,
            "the new key", 10,
        )  # fmt: skip
        row = next(
            line for line in installed_client.cloche("key", "list").splitlines() if name in line
        )
        assert row.split()[:3] == [name, "course", "50"]
        assert key not in installed_client.cloche("key", "list", "-o", "json")
        again = installed_client.call("cloche", "key", "create", name)
        assert "exists already" in again.stderr
    finally:
        assert installed_client.cloche("key", "revoke", name) == f"key {name} revoked\n"
    until(
        lambda: installed_client.call("cloche", "ps", CLOCHE_API_KEY=key).returncode == 123,
        "the end of the key", 10,
    )  # fmt: skip
    assert "no key named" in installed_client.call("cloche", "key", "revoke", name).stderr


def test_the_doctor_finds_nothing_wrong_here(installed_client: InstalledClient) -> None:
    printed = installed_client.cloche("doctor")
    states = {line.split()[0] for line in printed.splitlines()}
    assert states == {"ok"}, printed
    assert "printed 'hello' after" in printed
    found = json.loads(installed_client.cloche("doctor", "-o", "json"))["findings"]
    assert [one["step"] for one in found][-1] == "program"


def test_the_doctor_names_what_is_wrong_and_what_to_do(installed_client: InstalledClient) -> None:
    done = installed_client.call("cloche", "doctor", CLOCHE_API_KEY="clk_wrong")
    assert done.returncode == 123
    last = done.stdout.splitlines()[-1].split(maxsplit=2)
    assert last[:2] == ["failed", "key"]
    assert "Set CLOCHE_API_KEY" in last[2]


def test_kubectl_finds_the_gateway_without_a_url(installed_client: InstalledClient) -> None:
    done = installed_client.call("kubectl-cloche", "run", "-c", "print(1)\nexit(3)", CLOCHE_URL="")
    assert (done.stdout, done.returncode) == ("1\n", 3), done.stderr


def test_languages_and_versions_are_printed(installed_client: InstalledClient) -> None:
    rows = installed_client.cloche("languages").splitlines()
    assert rows[0].split() == ["LANGUAGE", "VERSION", "ALIASES"]
    assert any(row.split()[:3] == ["python", "3.13", "py,"] for row in rows)
    printed = installed_client.cloche("version")
    client, gateway = (line.split()[1] for line in printed.splitlines())
    assert client == gateway


def test_the_playground_is_named(installed_client: InstalledClient) -> None:
    url = installed_client.installation.url
    assert installed_client.cloche("open", "--print") == f"{url}/play\n"


MESSAGES = [
    {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {},
                   "clientInfo": {"name": "test", "version": "1"}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": "two", "method": "tools/list"},
    {
        "jsonrpc": "2.0", "id": 3, "method": "tools/call",
        "params": {"name": "execute_code", "arguments": {"code": "print(2 + 2)"}},
    },
]  # fmt: skip


def test_mcp_is_served_over_stdio(installed_client: InstalledClient) -> None:
    lines = "".join(f"{json.dumps(one)}\n" for one in MESSAGES)
    printed = installed_client.cloche("mcp", stdin=lines.encode())
    answers = {one["id"]: one for one in map(json.loads, printed.splitlines())}
    assert answers.keys() == {1, "two", 3}
    assert answers[1]["result"]["protocolVersion"] == "2025-11-25"
    assert "execute_code" in {one["name"] for one in answers["two"]["result"]["tools"]}
    assert answers[3]["result"]["structuredContent"]["stdout"] == "4\n"


@pytest.mark.parametrize("line", [b"{", b"[]", b"5"])
def test_what_is_not_a_message_is_answered_with_an_error(
    line: bytes, installed_client: InstalledClient
) -> None:
    answer = json.loads(installed_client.cloche("mcp", stdin=line + b"\n"))
    assert answer["id"] is None
    assert answer["error"]["code"] in {-32700, -32600}

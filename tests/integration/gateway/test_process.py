"""The gateway as a process, as in its Pod: settings, logs, and SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.deadline import eventually

if TYPE_CHECKING:
    from support.fixtures.gateway import Cluster

HELLO = {"code": "print('secret-code')", "language": "python", "stdin": "secret-stdin",
         "environment": {"A": "secret-environment"}}  # fmt: skip
NOWHERE = "/api/v1/executions/none/events"
PATHS = (
    *("/api/v1/executions/{0}", "/api/v1/execute/status/{0}", "/api/v1/sessions/{0}", "/{0}"),
    *("//{0}@x/", "/health/{0}", "/health?key={0}", "/api/v1/executions?{0}={0}"),
    *("/api/v1/execute/language/{0}/info", "/api/v1/execute/status/none?wait={0}"),
)


async def test_the_gateway_logs_ids_and_no_content(run: Any, cluster: Cluster) -> None:
    program = await run()
    asked = asyncio.create_task(
        program.http.post("/api/v1/execute", json=HELLO, headers={"X-Request-ID": "my-request"})
    )
    name = (await cluster.pending())["metadata"]["name"]
    await cluster.end(name, stdout="secret-output")
    assert (await asked).status_code == 200
    program.process.send_signal(signal.SIGTERM)
    assert await program.exit_code() == 0, program.log.read_text()
    text = program.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (line,) = [one for one in lines if one.get("request_id") == "my-request"]
    assert (line["execution_id"], line["status"], line["tenant"]) == (name, 200, "acme")
    assert line["path"] == "/api/v1/execute"
    assert "secret" not in text
    assert cluster.keys["first"] not in text


async def test_no_part_of_an_api_key_is_logged_wherever_a_client_sends_it(
    run: Any, cluster: Cluster
) -> None:
    """This holds for valid, invalid and malformed keys, at log level debug.

    Metrics and responses do not contain a part of a key either. An error may only quote a path or a
    body to the client that sent it.
    """
    program = await run(log_level="debug")
    good = cluster.keys["first"]
    secret = good.removeprefix("clk_")
    answers, sent = [], 0
    for key in (good, good[:-1], good + "x", good.upper(), f"x{good}", f"clk_{good}"):
        placed: tuple[dict[str, str], ...] = (
            {"X-API-Key": key},
            {"X-API-Key": "", "Authorization": f"Bearer {key}"},
            {"X-API-Key": "", "Authorization": f"Basic {key}"},
            {"X-API-Key": "", "Authorization": key},
            {"X-Request-ID": key},
            {"X-Request-ID": f"mine.{key}"},
            {"Cookie": f"key={key}"},
            {"Last-Event-ID": key},
        )
        answers += [await program.http.get(NOWHERE, headers=headers) for headers in placed]
        tries: list[tuple[str, str, Any]] = [
            *(("GET", path.format(key), None) for path in PATHS),
            *(("POST", "/api/v1/execute", body) for body in ({key: key}, key, {"code": key})),
            ("POST", "/api/v1/execute", HELLO | {"environment": {key: key}, "timeout": 0}),
        ]
        for method, path, body in tries:
            for headers in ({}, {"X-API-Key": ""}, {"Idempotency-Key": 6 * key}):
                await program.http.request(method, path, json=body, headers=headers)
                sent += 1
    answers.append(await program.http.get("/metrics"))
    program.process.send_signal(signal.SIGTERM)
    assert await program.exit_code() == 0, program.log.read_text()

    log = program.log.read_text()
    assert log.count('"message": "answered"') >= sent + len(answers)
    sent_back = "\n".join(f"{answer.headers} {answer.text}" for answer in answers)
    for part in (secret, secret.upper(), secret[:12], secret[-12:]):
        assert part not in log
        assert part not in sent_back


async def test_a_waiting_client_receives_its_result_after_sigterm(
    run: Any, cluster: Cluster
) -> None:
    program = await run(log_format="text")
    asked = asyncio.create_task(program.http.post("/api/v1/execute", json=HELLO))
    name = (await cluster.pending())["metadata"]["name"]
    program.process.send_signal(signal.SIGTERM)
    await eventually(lambda: "Shutting down" in program.log.read_text(), "the shutdown")
    await cluster.end(name)
    assert (await asked).json()["execution_id"] == name
    assert await program.exit_code() == 0, program.log.read_text()


async def test_sigterm_ends_a_wait_after_drain_seconds_and_keeps_the_execution(
    run: Any, cluster: Cluster
) -> None:
    program = await run(drain_seconds="0.3")
    asked = asyncio.create_task(program.http.post("/api/v1/execute", json=HELLO))
    name = (await cluster.pending())["metadata"]["name"]
    program.process.send_signal(signal.SIGTERM)
    answer = await asked
    assert answer.status_code == 503
    assert answer.json()["execution_id"] == name
    assert f"/api/v1/execute/status/{name}" in answer.json()["detail"]
    assert await program.exit_code() == 0, program.log.read_text()
    assert (await cluster.read(name))["spec"]["cancel"] is False


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CLOCHE_GATEWAY_PORT", "tcp://10.0.0.1:8002", "CLOCHE_GATEWAY_PORT='tcp://10.0.0.1:8002'"),
        ("CLOCHE_GATEWAY_PROT", "8002", "CLOCHE_GATEWAY_PROT: no such setting"),
        ("CLOCHE_GATEWAY_LOG_FORMAT", "xml", "CLOCHE_GATEWAY_LOG_FORMAT='xml'"),
        ("CLOCHE_GATEWAY_NAMESPACE", "../x", "CLOCHE_GATEWAY_NAMESPACE='../x'"),
        ("KUBECONFIG", "/nonexistent", "no access to a Kubernetes cluster"),
    ],
)
def test_an_invalid_setting_is_one_line_on_stderr_and_exit_status_2(
    name: str, value: str, words: str
) -> None:
    env = {"PATH": os.environ["PATH"], "KUBECONFIG": "/dev/null", name: value}
    done = subprocess.run(
        [sys.executable, "-m", "cloche_gateway"],
        env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1

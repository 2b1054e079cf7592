"""POST /api/v1/execute: the response to a program that has run, and to one that has not ended."""

from __future__ import annotations

import base64
import concurrent.futures
import time
import uuid

import httpx
import pytest
from e2e.contract.requests import HELLO, ORIGINAL_FIELDS
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute
from support.fixtures.installation import Installation

KIB = 1024
ADDED_FIELDS = {"stdout_truncated", "stderr_truncated", "reason", "usage", "queue_time"}


def test_the_response_has_the_seven_original_fields_and_the_added_ones(http: httpx.Client) -> None:
    body = http.post("/api/v1/execute", json=HELLO).json()

    assert set(body) == ORIGINAL_FIELDS | ADDED_FIELDS
    assert set(body["usage"]) == {"cpu_seconds", "max_memory_bytes"}


def test_output_files_are_returned_when_requested(execute: Execute) -> None:
    body = execute('open("a.txt", "w").write("x")', output_files=["*.txt"])

    assert [file["path"] for file in body["files"]] == ["a.txt"]


def test_execution_time_excludes_compilation_and_start(http: httpx.Client) -> None:
    began = time.monotonic()
    body = http.post("/api/v1/execute", json={"code": "int main() {}", "language": "cpp"}).json()

    assert body["execution_time"] < (time.monotonic() - began) / 4


def test_a_program_killed_by_a_signal_exits_with_128_plus_its_number(execute: Execute) -> None:
    assert execute("kill -TERM $$", "bash")["exit_code"] == 128 + 15


def test_a_program_killed_for_memory_is_200_with_exit_code_137(execute: Execute) -> None:
    body = execute('x = "a" * (1 << 31)')

    assert (body["exit_code"], body["reason"]) == (137, "OutOfMemory")


def test_a_timeout_response_has_all_known_fields_of_the_result(http: httpx.Client) -> None:
    code = 'print("before", flush=True)\nwhile True: pass'

    body = http.post("/api/v1/execute", json={**HELLO, "code": code, "timeout": 1}).json()

    assert set(body) >= ORIGINAL_FIELDS
    assert body["stdout"] == "before\n"


def test_a_syntax_error_response_has_the_output_printed_before(http: httpx.Client) -> None:
    request = {"code": "echo before\nif true; then", "language": "bash"}

    answer = http.post("/api/v1/execute", json=request)

    assert answer.status_code == 400
    assert answer.json()["stdout"] == "before\n"
    assert {"execution_id", "stdout", "stderr", "exit_code"} <= set(answer.json())


def test_256_kib_of_output_are_kept_and_the_rest_is_counted(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    body = execute('print("x" * 300_000, end="")')

    assert (len(body["stdout"]), body["stdout_truncated"], body["exit_code"]) == (
        256 * KIB,
        True,
        0,
    )
    status = kubectl.json("get", "sbx", body["execution_id"], "-n", SANDBOXES)["status"]
    assert status["stdoutBytes"] == 300_000


def test_at_most_256_kib_of_output_files_are_returned(execute: Execute) -> None:
    code = 'open("a", "w").write("x" * 262144)\nopen("b", "w").write("y")'

    body = execute(code, output_files=["a", "b"])

    sizes = [len(base64.b64decode(file["content_base64"])) for file in body["files"]]
    assert 0 < sum(sizes) <= 256 * KIB
    assert body["files_truncated"]


PLOT = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
frame = pd.DataFrame({"x": np.arange(10), "y": np.arange(10) ** 2})
frame.plot(x="x", y="y")
plt.savefig("plot.png")
"""


def test_a_plot_saved_by_matplotlib_is_returned(execute: Execute) -> None:
    body = execute(PLOT, output_files=["*.png"], timeout=60)

    assert (body["exit_code"], body["stderr"]) == (0, "")
    (file,) = body["files"]
    assert base64.b64decode(file["content_base64"]).startswith(b"\x89PNG")


def test_an_execution_cancelled_while_its_client_waits_is_409(http: httpx.Client) -> None:
    session = f"t-{uuid.uuid4()}"
    request = {"code": "import time; time.sleep(60)", "language": "python", "session_id": session}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(http.post, "/api/v1/execute", json=request)
        name = until(
            lambda: next(
                (
                    e["execution_id"]
                    for e in http.get("/api/v1/executions", params={"session_id": session}).json()[
                        "executions"
                    ]
                    if e["status"] == "running"
                ),
                None,
            ),
            "the execution to run",
            30,
        )
        http.delete(f"/api/v1/executions/{name}")
        answer = waiting.result()

    assert (answer.status_code, answer.json()["detail"]) == (409, "Execution cancelled")


def test_a_client_that_disconnects_cancels_its_execution(
    installation: Installation, http: httpx.Client
) -> None:
    session = f"t-{uuid.uuid4()}"
    request = {"code": "import time; time.sleep(60)", "language": "python", "session_id": session}
    with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=installation.url) as impatient:
        impatient.post(
            "/api/v1/execute",
            json=request,
            headers={"X-API-Key": installation.key},
            timeout=httpx.Timeout(3),
        )

    def state() -> str | None:
        found = http.get("/api/v1/executions", params={"session_id": session}).json()["executions"]
        return found[0]["status"] if found else None

    until(lambda: state() == "cancelled", "the execution to be cancelled", 15)

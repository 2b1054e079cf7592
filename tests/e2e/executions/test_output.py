"""Output and code with unusual characters at their size limits."""

from __future__ import annotations

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.fixtures.executions import Execute

KIB = 1024
LIMIT = 256 * KIB
WRITE = "import sys\nsys.stdout.buffer.write({data})\nsys.stdout.buffer.flush()"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("b'\\0' * 262144", "\0"),
        ("b'\\xff' * 262144", "\ufffd"),
        ("b'<' * 262144", "<"),
        ("'\U0001f600'.encode() * 65536", "\U0001f600"),
        ("b'a' * 262144", "a"),
    ],
    ids=["NUL", "invalid UTF-8", "less-than", "4-byte characters", "letters"],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_256_kib_of_output_are_unchanged_and_flagged_where_truncated(
    execute: Execute, stream: str, data: str, text: str
) -> None:
    answer = execute(WRITE.format(data=data).replace("stdout", stream))

    assert answer["exit_code"] == 0
    kept = answer[stream]
    assert kept == text * len(kept)
    assert kept
    whole = LIMIT // max(1, len(text.encode()) if text != "\ufffd" else 1)
    assert answer[f"{stream}_truncated"] == (len(kept) < whole)


def test_256_kib_of_ascii_output_are_kept_completely(execute: Execute) -> None:
    answer = execute(WRITE.format(data="b'a' * 262144"))

    assert len(answer["stdout"]) == LIMIT
    assert answer["stdout_truncated"] is False


def test_output_over_256_kib_is_dropped_and_counted(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    answer = execute(WRITE.format(data="b'a' * 10_000_000"))

    assert answer["exit_code"] == 0
    assert len(answer["stdout"]) == LIMIT
    assert answer["stdout_truncated"] is True
    status = kubectl.execution(answer["execution_id"])["status"]
    assert status["stdoutBytes"] == 10_000_000


@pytest.mark.parametrize(
    ("character", "count", "status"),
    [
        ("\0", 262_144 - 40, 413),
        ("<", 262_144 - 40, 413),
        ("\U0001f600", 65_536 - 40, 200),
        ("a", 262_144 - 40, 200),
    ],
    ids=["NUL", "less-than", "4-byte characters", "letters"],
)
def test_256_kib_of_code_run_unless_escaping_makes_them_too_large_for_etcd(
    http: httpx.Client, character: str, count: int, status: int
) -> None:
    """NUL and < become six bytes each in etcd, where a spec has room for 700 KiB."""
    code = f"print(1) # {character * count}"

    answer = http.post("/api/v1/execute", json={"code": code, "language": "python"})

    assert answer.status_code == status, answer.text[:500]
    if status == 200:
        assert answer.json()["stdout"] == "1\n"
    else:
        assert "code" in answer.json()["detail"]


def test_a_nul_in_python_code_is_a_syntax_error(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute", json={"code": "print(1)\0", "language": "python"})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Invalid code syntax: ")

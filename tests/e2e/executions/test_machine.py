"""The machine that a program finds: shared memory, and the same in a session as alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.fixtures.executions import Execute

MIB = 1024 * 1024

SHARED = """
from multiprocessing import shared_memory
import os

print(os.listdir("/dev/shm"))
block = shared_memory.SharedMemory(create=True, size={mib} << 20)
for at in range(0, {mib} << 20, 4096):
    block.buf[at] = 1
print(block.buf[({mib} << 20) - 4096])
os._exit(0)
"""


@pytest.mark.parametrize("mib", [80, 300])
def test_shared_memory_holds_more_than_the_working_directory(execute: Execute, mib: int) -> None:
    answer = execute(SHARED.format(mib=mib))

    assert (answer["stdout"], answer["exit_code"]) == ("[]\n1\n", 0), answer["stderr"]


def test_too_much_shared_memory_ends_as_out_of_memory(execute: Execute) -> None:
    answer = execute(SHARED.format(mib=600))

    assert (answer["exit_code"], answer["reason"]) == (137, "OutOfMemory")


@pytest.mark.parametrize("path", ["/dev/shm/x", "/workspace/x"])
def test_a_file_that_cannot_fit_gets_enospc(execute: Execute, path: str) -> None:
    code = f"import os; os.posix_fallocate(os.open({path!r}, os.O_CREAT | os.O_RDWR), 0, 600 << 20)"

    answer = execute(code)

    assert "No space left on device" in answer["stderr"]
    assert answer["exit_code"] == 1


@pytest.fixture
def session(http: httpx.Client) -> Iterator[dict[str, Any]]:
    made = http.post("/api/v1/sessions", json={"language": "python", "lifetime": 300})
    assert made.status_code == httpx.codes.CREATED, made.text
    yield {"session_id": made.json()["session_id"]}
    http.delete(f"/api/v1/sessions/{made.json()['session_id']}")


def test_each_program_of_a_session_finds_the_same_machine_as_a_single_one(
    execute: Execute, session: dict[str, Any]
) -> None:
    look = """if True:
        import os, resource
        names = sorted(os.environ)
        limits = [resource.getrlimit(number) for number in range(16)]
        size = os.statvfs("/dev/shm").f_blocks * 4096
        mode = oct(os.stat("/dev/shm").st_mode)
        print(names, limits, size, mode, os.cpu_count(), os.environ["TERM"])
        print(os.listdir("/dev/shm"))
        open("/dev/shm/left", "w").close()
    """

    single = execute(look)["stdout"]
    first, second = (execute(look, **session)["stdout"] for _ in range(2))

    assert f" {512 * MIB} " in single
    assert single.endswith("[]\n")
    assert single == first == second


def test_a_request_sets_its_own_number_of_processors(execute: Execute) -> None:
    answer = execute("nproc", "bash", environment={"OMP_NUM_THREADS": "7"})

    assert answer["stdout"] == "7\n"

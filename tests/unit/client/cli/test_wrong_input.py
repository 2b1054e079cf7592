"""Wrong inputs of the command line: one line that says what to do, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from support.data.names import ROOT
from support.fixtures.client.wire_server import WireServer, answer, wire_server

KEY = "clk_secret"


@pytest.fixture(scope="module")
def html() -> Iterator[WireServer]:
    with wire_server(answer(200, b"<html>It works!</html>")) as server:
        yield server


@pytest.fixture(scope="module")
def refusing() -> Iterator[WireServer]:
    with wire_server(answer(403, {"detail": "Invalid API key"})) as server:
        yield server


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "hello.py").write_text("print(1)")
    (tmp_path / "unknown.xyz").write_text("print(1)")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.py").write_bytes(b"#" * (256 * 1024 + 1))
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "closed.py").write_text("")
    (tmp_path / "wrong.toml").write_text("url = ")
    return tmp_path


def call(
    words: Sequence[str], here: Path, stdin: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "client"),
        "HOME": str(here),
        "CLOCHE_URL": "http://127.0.0.1:9",
        "CLOCHE_API_KEY": KEY,
        **environ,
    }
    done = subprocess.run(
        [sys.executable, "-m", "cloche_client", *words],
        cwd=here, input=stdin, env={k: v for k, v in env.items() if v}, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


class Wrong(NamedTuple):
    words: str
    message: str
    code: int = 2
    stdin: bytes = b""
    environ: tuple[tuple[str, str], ...] = ()


WRONG = [
    Wrong("", "usage: cloche"),
    Wrong("rnu hello.py", "invalid choice: 'rnu'"),
    Wrong("run", "Give either a file"),
    Wrong("run missing.py", "missing.py cannot be read: No such file or directory"),
    Wrong("run folder.py", "folder.py cannot be read: Is a directory"),
    Wrong("run unknown.xyz", "Add --language NAME"),
    Wrong("run binary.py", "binary.py is not text in UTF-8"),
    Wrong("run large.py", "more than 256 KiB"),
    Wrong("run hello.py -c print(1)", "Give either a file"),
    Wrong("run hello.py one two", "arguments come after `--`"),
    Wrong("run hello.py --timeout soon", "invalid number value: 'soon'"),
    Wrong("run hello.py --timeout nan", "must be a positive number"),
    Wrong("run hello.py --timeout -1", "must be a positive number"),
    Wrong("run hello.py --memory much", "invalid int value"),
    Wrong("run hello.py --file missing.csv", "missing.csv cannot be read"),
    Wrong("run hello.py --file /dev/zero", "not a regular file"),
    Wrong("run hello.py --file a=b", "b cannot be read"),
    Wrong("run hello.py --env MISSING_VARIABLE", "the variable is not set"),
    Wrong("run hello.py -o xml", "invalid choice: 'xml'"),
    Wrong("run hello.py", "not text in UTF-8", stdin=b"\xff\xfe"),
    Wrong("run hello.py", "more than 256 KiB", stdin=b"x" * (256 * 1024 + 1)),
    Wrong("run hello.py", "Set CLOCHE_URL", environ=(("CLOCHE_URL", ""),)),
    Wrong("run hello.py", "Set CLOCHE_API_KEY", environ=(("CLOCHE_API_KEY", ""),)),
    Wrong("run hello.py", "must be like https://", environ=(("CLOCHE_URL", "localhost"),)),
    Wrong("run hello.py", "not valid TOML", environ=(("CLOCHE_CONFIG", "wrong.toml"),)),
    Wrong("run hello.py", "characters that no key has", environ=(("CLOCHE_API_KEY", "a b"),)),
    Wrong("run hello.py --profile x", "There is no profile 'x'"),
    Wrong("run hello.py --api-key-file missing", "key file missing cannot be read"),
    Wrong("run hello.py --ca-file missing --url https://127.0.0.1:9", "must be a file in PEM"),
    Wrong("run hello.py", "cannot be reached", 125),
    Wrong("run hello.py --url http://cloche.invalid", "cannot be reached", 125),
    Wrong("logs", "the following arguments are required: ID"),
    Wrong("cancel", "the following arguments are required: ID"),
    Wrong("ps --limit 0", "must be at least 1"),
    Wrong("ps -- x", "takes nothing after `--`"),
    Wrong("session", "the following arguments are required: COMMAND"),
    Wrong("session extend sbs-1", "Give --idle-timeout"),
    Wrong("key create -bad-", "the following arguments are required: NAME"),
    Wrong("key create bad/name", "must be 1 to 63 letters"),
    Wrong("key create x --rate 9999999", "--rate must be at most 1000000"),
    Wrong("key list", "kubectl is not installed", 125, environ=(("PATH", "/nowhere"),)),
    Wrong("completion tcsh", "invalid choice: 'tcsh'"),
    Wrong("doctor --url http://cloche.invalid", "", 125),
    Wrong("mcp", "Set CLOCHE_API_KEY", environ=(("CLOCHE_API_KEY", ""),)),
]


@pytest.mark.parametrize("one", WRONG, ids=lambda one: one.words)
def test_a_wrong_input_is_answered_with_what_to_do(one: Wrong, here: Path) -> None:
    done = call(one.words.split(), here, one.stdin, **dict(one.environ))
    assert one.message in done.stderr, done.stderr
    assert done.returncode == one.code
    assert "Traceback" not in done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("words", ["run hello.py", "ps", "languages", "session create", "doctor"])
def test_a_server_that_is_not_cloche_is_named_as_such(
    words: str, here: Path, html: WireServer
) -> None:
    done = call(words.split(), here, CLOCHE_URL=html.url)
    assert "not JSON" in done.stderr + done.stdout
    assert done.returncode == 125
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", ["run hello.py", "ps", "logs x -f", "cancel x", "doctor"])
def test_a_wrong_key_has_its_own_exit_code(words: str, here: Path, refusing: WireServer) -> None:
    done = call(words.split(), here, CLOCHE_URL=refusing.url)
    assert "Invalid API key. Set CLOCHE_API_KEY" in done.stderr + done.stdout
    assert done.returncode == 123
    assert KEY not in done.stdout + done.stderr


def test_a_closed_standard_output_ends_the_command_quietly(here: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "client"), "CLOCHE_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "cloche_client", "completion", "bash"],
        env=environ, cwd=here, stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_control_characters_of_the_server_do_not_reach_the_terminal(here: Path) -> None:
    with wire_server(answer(400, {"detail": "x\x1b[2Jy\nz"})) as server:
        done = call(["run", "hello.py"], here, CLOCHE_URL=server.url)
    assert done.stderr == "cloche: x [2Jy z\n"
    assert done.returncode == 125

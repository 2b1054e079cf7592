"""What the program of `helm test` (charts/cloche/files/helm_test.py) accepts and reports."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from support.clients.helm import kinds
from support.data.names import CHART

Answer = tuple[int, Any]


def load() -> Any:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("helm_test", CHART / "files" / "helm_test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = load()


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """HOST:PORT of a server with this answer to every request."""
    status, content = answer
    body = content if isinstance(content, str) else json.dumps(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815  http.server's name

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def result(**fields: Any) -> dict[str, Any]:
    return {"exit_code": 0, "stdout": "Hello\n", "stderr": ""} | fields


def test_there_is_a_program_for_each_language() -> None:
    assert set(CHECK.HELLO) == set(kinds("SandboxRuntime"))


def test_a_gateway_that_is_ready_and_an_operator_that_leads_are_reported() -> None:
    with serving((200, {"status": "ready"})) as address:
        assert CHECK.gateway_status(f"http://{address}") == "ready"
    with serving((200, "cloche_operator_leading 1.0\n")) as address:
        assert CHECK.leader(address) == "127.0.0.1"


@pytest.mark.parametrize(
    ("answer", "check", "words"),
    [
        ((503, {"problem": "no watch of keys"}), lambda at: CHECK.gateway_status(f"http://{at}"),
         "not ready: .*no watch of keys"),
        ((200, "cloche_operator_leading 0.0\n"), CHECK.leader, "no operator leads"),
        ((403, {"detail": "Invalid API key"}), lambda at: CHECK.run(f"http://{at}", "clk_", "bash"),
         "HTTP 403: .*Invalid API key"),
    ],
)  # fmt: skip
def test_a_check_that_fails_is_tried_again(
    answer: Answer, check: Callable[[str], str], words: str
) -> None:
    with serving(answer) as address, pytest.raises(CHECK.NotYetError, match=words):
        check(address)


def test_an_operator_without_a_ready_pod_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(*_: object, **__: object) -> None:
        raise CHECK.socket.gaierror

    monkeypatch.setattr(CHECK.socket, "getaddrinfo", no_address)
    with pytest.raises(CHECK.NotYetError, match="no Pod of the operator is ready"):
        CHECK.leader("cloche-operator.cloche-system.svc:8080")


def test_a_program_that_ran_is_reported_with_its_output() -> None:
    with serving((200, result())) as address:
        assert CHECK.run(f"http://{address}", "clk_", "python") == "Hello"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {"detail": "the language's image could not be pulled"}), "HTTP 500: .*could not be"),
        ((200, result(exit_code=1)), "did not print Hello"),
        ((200, result(stdout="")), "did not print Hello"),
    ],
)
def test_a_program_that_did_not_run_fails_the_test(answer: Answer, words: str) -> None:
    with serving(answer) as address, pytest.raises(CHECK.FailedError, match=words):
        CHECK.run(f"http://{address}", "clk_", "python")


def test_a_check_that_keeps_failing_ends_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CHECK, "READY_SECONDS", 0)

    def never() -> str:
        raise CHECK.NotYetError("no operator leads")

    with pytest.raises(CHECK.FailedError, match="no operator leads"):
        CHECK.retry(never)

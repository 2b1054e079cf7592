"""The playground in a frame of another site, which the gateway's settings must name."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from playwright.sync_api import expect
from support.clients.kubectl import InstallationKubectl
from support.clients.playground import RUN_MS, Open
from support.data.names import SYSTEM
from support.deadline import until
from support.fixtures.client.browser import accessibility_problems
from support.fixtures.client.page import built_page
from support.fixtures.installation import Installation
from support.fixtures.operator.process import free_port


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def _site(folder: Path) -> Iterator[str]:
    """Yield the origin of a site with the pages in `folder`."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder and the origin of a course's site."""
    folder = tmp_path_factory.mktemp("course")
    with _site(folder) as origin:
        yield folder, origin


@pytest.fixture(scope="module")
def kubeconfig(
    installation: Installation,
    kubectl: InstallationKubectl,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The gateway's own rights: policies refuse some of its requests to administrators."""
    config = yaml.safe_load(Path(installation.kubeconfig).read_text())
    token = kubectl("create", "token", "cloche-gateway", "-n", SYSTEM, "--duration", "1h")
    for user in config["users"]:
        user["user"] = {"token": token.strip()}
    path = tmp_path_factory.mktemp("gateway") / "kubeconfig"
    path.touch(0o600)
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def embeddable(kubeconfig: Path, course: tuple[Path, str]) -> Iterator[str]:
    """A gateway of the installation's cluster whose page the course may embed; its URL."""
    built_page()
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "KUBECONFIG": str(kubeconfig),
        "CLOCHE_GATEWAY_HOST": "127.0.0.1",
        "CLOCHE_GATEWAY_PORT": str(port),
        "CLOCHE_GATEWAY_PLAYGROUND_ORIGINS": course[1],
    }
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/health/ready", timeout=5).status_code == 200
        return False

    with subprocess.Popen([sys.executable, "-m", "cloche_gateway"], env=env) as process:
        try:
            until(ready, "the gateway", 60)
            yield url
        finally:
            process.terminate()


def frame_of(folder: Path, source: str) -> None:
    frame = f'<iframe title="p" src="{source}" width="900" height="800">'
    text = f'<!doctype html><html lang="en"><title>Course</title><main><h1>Course</h1>{frame}'
    (folder / "index.html").write_text(text)


def test_a_course_embeds_the_page_and_a_program_runs_there(
    open_page: Open, embeddable: str, course: tuple[Path, str], installation: Installation
) -> None:
    folder, origin = course
    frame_of(folder, f"{embeddable}/play?embed")
    watched = open_page("/", url=origin, key=None, allowed="http://127.0.0.1:")
    frame = watched.page.frame_locator("iframe")
    expect(frame.get_by_role("button", name="Run", exact=True)).to_be_visible()
    expect(frame.get_by_role("link", name="Executions")).to_be_hidden()
    expect(frame.get_by_role("button", name="Share")).to_be_hidden()
    frame.get_by_label("Program", exact=True).fill("print('embedded')")
    frame.get_by_role("button", name="Run", exact=True).click()
    frame.locator("#key-field").fill(installation.key)
    frame.get_by_role("button", name="Use this key").click()
    expect(frame.locator(".output").first).to_have_text("embedded\n", timeout=RUN_MS)
    watched.shot("embedded")
    assert accessibility_problems(watched.page.frames[1]) == []
    with watched.page.expect_popup() as opened:
        frame.get_by_role("link", name="Open in the playground").click()
    expect(opened.value.get_by_label("Program", exact=True)).to_have_value("print('embedded')")


@pytest.mark.parametrize("path", ["/play", "/play?embed", "/docs"])
def test_a_site_that_is_not_named_cannot_show_the_page_in_a_frame(
    open_page: Open, embeddable: str, tmp_path: Path, path: str
) -> None:
    frame_of(tmp_path, f"{embeddable}{path}")
    with _site(tmp_path) as origin:
        watched = open_page("/", url=origin, key=None, allowed="http://127.0.0.1:")
        watched.page.wait_for_load_state("networkidle")
        refused = [one for one in watched.problems if "frame-ancestors" in one]
        assert refused
        assert not watched.page.frames[1].url.startswith(embeddable)
        watched.problems.clear()


def test_the_named_site_cannot_show_the_whole_page_in_a_frame(
    open_page: Open, embeddable: str, course: tuple[Path, str]
) -> None:
    folder, origin = course
    frame_of(folder, f"{embeddable}/play")
    watched = open_page("/", url=origin, key=None, allowed="http://127.0.0.1:")
    watched.page.wait_for_load_state("networkidle")
    assert any("frame-ancestors" in one for one in watched.problems)
    watched.problems.clear()

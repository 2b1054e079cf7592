"""The playground's page and files, with the headers that keep a program's output harmless."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from support.fixtures.client.page import built_page
from support.fixtures.gateway import Start, namespaces, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.fixtures.control_planes import ControlPlane
    from support.fixtures.gateway import Gateway

COURSE = "https://course.example.com"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FIRST_LOAD_BYTES = 150_000
_SOURCES = re.compile(r'(?:src|href)="(/play/assets/[^"]+)"')


@pytest.fixture(scope="module")
def page() -> Path:
    return built_page()


@pytest_asyncio.fixture(scope="module")
async def served(control_plane: ControlPlane, page: Path) -> AsyncIterator[Gateway]:
    """A gateway whose page is built, and which may be embedded by one origin."""
    assert (page / "index.html").is_file()
    async with (
        namespaces(control_plane) as made,
        started(control_plane, made, playground_origins=(COURSE,)) as running,
    ):
        running.http.headers.pop("X-API-Key")
        yield running


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    (text,) = answer.headers.get_list("content-security-policy")
    return {name: words for name, *words in (part.split() for part in text.split("; "))}


async def test_the_policy_of_the_page_allows_only_its_own_files_and_the_gateway(
    served: Gateway,
) -> None:
    answer = await served.http.get("/play")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert policy(answer) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["blob:", "data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


async def test_the_page_has_no_inline_script_or_style_and_names_no_other_host(
    served: Gateway,
) -> None:
    text = (await served.http.get("/play")).text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", text)


async def test_the_files_of_the_page_are_kept_by_the_browser_and_small(served: Gateway) -> None:
    answer = await served.http.get("/play")
    sources = _SOURCES.findall(answer.text)
    assert {source.rpartition(".")[2] for source in sources} == {"js", "css"}
    total = len(gzip.compress(answer.content))
    for source in sources:
        asset = await served.http.get(source)
        kind = "text/javascript" if source.endswith(".js") else "text/css"
        assert asset.headers["content-type"].split(";")[0] == kind
        assert asset.headers["content-encoding"] == "gzip"
        assert asset.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
        assert asset.headers["cross-origin-resource-policy"] == "same-origin"
        assert asset.headers["x-content-type-options"] == "nosniff"
        total += int(asset.headers["content-length"])
    assert total < FIRST_LOAD_BYTES


@pytest.mark.parametrize(
    "name",
    ["x", "index.html", "..%2findex.html", "../index.html", "%2e%2e%2fsettings.py", "a" * 3000],
)
async def test_no_other_file_is_served(served: Gateway, name: str) -> None:
    answer = await served.http.get(f"/play/assets/{name}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert answer.headers.get_list("cache-control") == ["no-store"]


async def test_only_the_named_origins_may_show_the_embedded_page_in_a_frame(
    served: Gateway,
) -> None:
    embedded = await served.http.get("/play?embed")
    assert policy(embedded)["frame-ancestors"] == [COURSE]
    for query in ("", "?theme=dark", "?notembed=1"):
        answer = await served.http.get(f"/play{query}")
        assert answer.status_code == 200
        assert policy(answer)["frame-ancestors"] == ["'none'"]


async def test_a_browser_that_opens_the_address_alone_gets_to_the_playground(
    served: Gateway,
) -> None:
    answer = await served.http.get("/", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (302, "/play")
    assert answer.headers["vary"] == "Accept"
    for accept in ("*/*", "application/json", ""):
        other = await served.http.get("/", headers={"Accept": accept})
        assert other.status_code == 200
        assert other.json()["name"] == "cloche"
        assert other.headers["vary"] == "Accept"


async def test_head_returns_the_headers_of_get(served: Gateway) -> None:
    asset = _SOURCES.findall((await served.http.get("/play")).text)[0]
    for path in ("/play", "/play/", "/play?embed", asset, "/play/assets/none"):
        got, head = await served.http.get(path), await served.http.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        for name in ("content-type", "content-length", "content-security-policy", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)
    head = await served.http.head("/", headers=BROWSER)
    assert (head.status_code, head.headers["location"]) == (302, "/play")


async def test_a_write_to_the_page_is_refused(served: Gateway) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await served.http.request(method, "/play")).status_code == 405


async def test_a_gateway_without_a_playground_answers_404_and_json_to_browsers(
    start: Start,
) -> None:
    async with start(playground=False, playground_origins=(COURSE,)) as gateway:
        for path in ("/play", "/play?embed", "/play/assets/x"):
            answer = await gateway.http.get(path)
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
        root = await gateway.http.get("/", headers=BROWSER)
        assert root.json()["name"] == "cloche"


async def test_a_client_that_asks_for_the_page_without_reading_is_disconnected(
    start: Start, page: Path
) -> None:
    scripts = [f"/play/assets/{one.name}" for one in (page / "assets").glob("*.js")]
    async with start(send_timeout_seconds=0.3) as gateway:
        for path in ("/play", *scripts, "/docs", "/openapi.json"):
            async with gateway.slow_client() as stuck:
                before = gateway.connections
                stuck.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 200)

                def is_gone(count: int = before) -> bool:
                    return gateway.connections < count

                await gateway.until(is_gone, f"the end of the client of {path}")

"""The playground of the installation in a browser. A test gets a new profile and a valid key."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.clients.playground import Open
from support.fixtures.client.browser import Watched, chromium
from support.fixtures.installation import Installation


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=10_000)
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, installation: Installation) -> Iterator[Open]:
    """Return a function that opens the playground in a new profile, with the installation's key.

    A page may request `allowed`, the beginning of addresses, by default its own host. At the end of
    the test no page may have had an error, a violation of its policy, or a request
    to another host.
    """
    with contextlib.ExitStack() as ends:
        opened: list[Watched] = []

        def begin(
            path: str = "/play",
            *,
            key: str | None = installation.key,
            url: str = installation.url,
            allowed: str = "",
            **options: Any,
        ) -> Watched:
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
            ends.callback(context.close)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            if key is not None:
                context.add_init_script(
                    "if (location.protocol !== 'about:'"
                    " && sessionStorage.getItem('cloche.key') === null)"
                    f" sessionStorage.setItem('cloche.key', {json.dumps(key)});"
                )
            watched = Watched.of(context.new_page(), allowed or url)
            opened.append(watched)
            watched.page.goto(url + path)
            return watched

        yield begin
        for watched in opened:
            assert watched.problems == []


@pytest.fixture
def watched(open_page: Open) -> Watched:
    return open_page()


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page

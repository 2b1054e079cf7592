"""The page itself: its size, its key, its links and copies, and refusals of the gateway."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

from playwright.sync_api import Page, Route, expect
from support.clients.playground import RUN_MS, Open, fields, notice, output, run, status, write
from support.deadline import until
from support.fixtures.client.browser import RESULTS, Watched
from support.fixtures.installation import Installation

FIRST_LOAD_BYTES = 150_000


def test_the_first_load_is_small_and_from_the_gateway_alone(open_page: Open) -> None:
    watched = open_page("/", key=None)
    page = watched.page
    assert page.url.endswith("/play")
    received: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda one: received.append(one["encodedDataLength"]))
    page.reload(wait_until="networkidle")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "first-load.txt").write_text(f"{sum(received):.0f} bytes: {received}\n")
    assert 10_000 < sum(received) < FIRST_LOAD_BYTES
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_a_wrong_key_is_refused_in_the_dialog_and_a_right_one_runs_the_program(
    open_page: Open, installation: Installation
) -> None:
    watched = open_page(key=None)
    page = watched.page
    write(page, "python", "print('with a key')")
    page.get_by_role("button", name="Run", exact=True).click()
    field = page.locator("#key-field")
    field.fill("clk_wrong")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("does not know this key"))
    field.fill("ключ")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("not an API key"))
    watched.shot("key")
    field.fill(installation.key)
    field.press("Enter")
    expect(output(page)).to_have_text("with a key\n", timeout=RUN_MS)
    kept = page.evaluate(
        "[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]"
    )
    assert installation.key not in kept[0]
    assert installation.key in kept[1]
    assert kept[2] == ""
    page.reload()
    run(page)
    page.get_by_role("button", name="API key").click()
    page.get_by_role("button", name="Forget the key").click()
    assert page.evaluate("sessionStorage.getItem('cloche.key')") is None


def test_a_dialog_without_a_key_can_be_left(open_page: Open) -> None:
    page = open_page(key=None).page
    write(page, "python", "print(1)")
    page.get_by_role("button", name="Run", exact=True).click()
    page.keyboard.press("Escape")
    expect(status(page)).to_have_text("Enter an API key to run programs")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_a_key_that_was_revoked_is_asked_for_again_and_the_program_runs(
    open_page: Open, installation: Installation
) -> None:
    page = open_page(key="clk_revoked").page
    write(page, "python", "print('after all')")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("does not know this key"))
    page.locator("#key-field").fill(installation.key)
    page.get_by_role("button", name="Use this key").click()
    expect(output(page)).to_have_text("after all\n", timeout=RUN_MS)


def _saved(page: Page, text: str) -> None:
    """Wait until the browser keeps a program with this text."""
    until(lambda: text in str(page.evaluate("localStorage.getItem('cloche.program')")), text, 10)


def test_the_program_survives_a_reload(page: Page) -> None:
    fields(page)
    page.get_by_label("Standard input").fill("kept input")
    write(page, "ruby", "puts gets # kept")
    page.reload()
    expect(page.get_by_label("Program", exact=True)).to_have_value("puts gets # kept")
    expect(page.locator("#language")).to_have_value("ruby")
    expect(page.get_by_label("Standard input")).to_have_value("kept input")


def test_a_shared_link_has_the_program_with_its_input_and_no_key(
    open_page: Open, installation: Installation
) -> None:
    page = open_page().page
    fields(page)
    page.get_by_label("Standard input").fill("zażółć")
    page.get_by_label("Arguments, as in a shell").fill("a 'b c'")
    write(page, "javascript", "console.log('shared 😀')\n")
    page.get_by_role("button", name="Share").click()
    expect(notice(page)).to_have_text(re.compile("is copied"))
    link: str = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    address, _, fragment = link.partition("#")
    assert address == f"{installation.url}/play"
    assert installation.key not in link
    assert re.fullmatch(r"code=[A-Za-z0-9_-]+", fragment)

    other = open_page(f"/play#{fragment}", key=None).page
    expect(other.get_by_label("Program", exact=True)).to_have_value("console.log('shared 😀')\n")
    expect(other.get_by_label("Standard input")).to_have_value("zażółć")
    expect(other.locator("#language")).to_have_value("javascript")
    expect(status(other)).to_have_text("Press Run to see the output here")
    assert other.locator("dialog[open]").count() == 0, "a link runs nothing"


def test_a_shared_link_does_not_replace_the_own_program_for_good(open_page: Open) -> None:
    page = open_page().page
    write(page, "python", "print('theirs')")
    page.get_by_role("button", name="Share").click()
    expect(notice(page)).to_be_visible()
    expect(page).to_have_url(re.compile("#code="))
    fragment = page.url.partition("#")[2]
    write(page, "python", "print('mine')")
    _saved(page, "mine")
    assert "#" not in page.url, "the address no longer has what the page shows"
    page.evaluate("fragment => { location.hash = fragment }", fragment)
    expect(page.get_by_label("Program", exact=True)).to_have_value("print('theirs')")
    page.get_by_role("button", name="Back to my program").click()
    expect(page.get_by_label("Program", exact=True)).to_have_value("print('mine')")


def test_a_damaged_link_is_named(open_page: Open) -> None:
    for fragment in ("code=AAAA", "code=", "code=%3Cscript%3E"):
        page = open_page(f"/play#{fragment}").page
        expect(notice(page)).to_have_text(re.compile("damaged"))


def test_a_copied_curl_command_gives_the_same_output(
    page: Page, installation: Installation
) -> None:
    fields(page)
    page.get_by_label("Standard input").fill("it's\n")
    page.get_by_label("Arguments, as in a shell").fill("'a b' \"$HOME\"")
    write(page, "python", "import sys\nprint(input(), sys.argv[1:])")
    page.get_by_text("Copy as").click()
    page.get_by_role("button", name="curl").click()
    expect(notice(page)).to_have_text(re.compile("Copied"))
    command: str = page.evaluate("navigator.clipboard.readText()")
    assert installation.key not in command
    runs = command.replace("export CLOCHE_API_KEY=…", "")
    done = subprocess.run(
        ["bash", "-c", runs],
        env={**os.environ, "CLOCHE_API_KEY": installation.key},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["stdout"] == "it's ['a b', '$HOME']\n"


def test_copies_for_python_and_the_command_line_have_no_key(
    page: Page, installation: Installation
) -> None:
    write(page, "python", 'print("copied")\nprint(2)\n')
    for name, begins in (("Python", "# pip install"), ("Command line", "export CLOCHE_URL=")):
        page.get_by_text("Copy as").click()
        page.locator("#copy-menu").get_by_role("button", name=name).click()
        text: str = page.evaluate("navigator.clipboard.readText()")
        assert text.startswith(begins)
        assert "copied" in text
        assert installation.key not in text


def _refuse(page: Page, status_code: int, detail: str, **headers: str) -> None:
    def answer(route: Route) -> None:
        route.fulfill(status=status_code, json={"detail": detail}, headers=headers)

    page.route("**/api/v1/execute/async", answer)


def test_refusals_of_a_busy_gateway_name_the_time_to_wait(page: Page) -> None:
    write(page, "python", "print(1)")
    helps = page.locator("#result .help")
    _refuse(page, 429, "Rate limit exceeded. Please try again later.", **{"Retry-After": "17"})
    run(page, "Too many requests")
    expect(helps).to_have_text(re.compile(r"Try again in 17 s\."))
    _refuse(page, 503, "Service busy. Please try again later.", **{"Retry-After": "5"})
    run(page, "The service is busy")
    expect(helps).to_have_text(re.compile(r"Try again in 5 s\."))
    page.route("**/api/v1/execute/async", lambda route: route.abort())
    run(page, "The gateway does not answer")
    page.unroute("**/api/v1/execute/async")
    run(page)


def test_a_request_that_is_too_large_is_refused_in_the_gateways_words(page: Page) -> None:
    write(page, "python", "#" * 300_000)
    run(page, "Too large")
    expect(page.locator("#result .help")).to_have_text(re.compile("at most 256 KiB"))


def test_a_lost_connection_is_made_again_and_no_output_is_missing_or_repeated(
    watched: Watched,
) -> None:
    page = watched.page
    seen: list[dict[str, Any]] = []

    def cut(route: Route) -> None:
        """Let the second connection, which continues the first, reach the gateway."""
        seen.append(route.request.headers)
        if len(seen) == 1:
            body = 'event: started\ndata: {"time":null}\nid: 0-0-0-0\n\n'
            route.fulfill(status=200, content_type="text/event-stream", body=body)
        else:
            route.continue_(headers={**route.request.headers, "last-event-id": ""})

    page.route("**/events", cut)
    write(page, "python", "for n in range(5): print(n)")
    run(page)
    assert output(page).inner_text() == "0\n1\n2\n3\n4\n"
    assert seen[1]["last-event-id"] == "0-0-0-0"

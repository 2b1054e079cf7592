"""The list of executions, as the operator of a course uses it."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from support.clients.playground import RUN_MS
from support.fixtures.client.browser import Watched

BUSY = "import time\nprint('at work', flush=True)\ntime.sleep(250)"


@pytest.fixture
def label() -> str:
    """A label for the executions of one test, by which the list is filtered."""
    return f"course-{uuid.uuid4().hex[:8]}"


def submitted(http: httpx.Client, label: str, code: str, language: str = "python") -> str:
    body = {"code": code, "language": language, "session_id": label}
    answer = http.post("/api/v1/execute/async", json=body)
    assert answer.status_code == 202, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


def ended(http: httpx.Client, execution_id: str) -> None:
    status = http.get(f"/api/v1/executions/{execution_id}", params={"wait": 30}).json()["status"]
    assert status not in {"pending", "running"}


def listed(page: Page, label: str) -> Locator:
    """Open the list, filtered by a label."""
    page.get_by_role("link", name="Executions").click()
    field = page.get_by_label("Session or label")
    field.fill(label)
    field.press("Enter")
    return page.locator("#list tr")


def test_the_status_of_a_running_execution_changes_without_a_reload(
    watched: Watched, http: httpx.Client, label: str
) -> None:
    execution = submitted(http, label, BUSY)
    page = watched.page
    rows = listed(page, label)
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Running", timeout=RUN_MS)
    watched.shot("list")
    page.get_by_role("button", name=f"Open execution {execution}").click()
    expect(page.locator("#opened .output")).to_have_text(re.compile("at work"), timeout=RUN_MS)
    expect(page.locator("#opened .status")).to_have_text("Running")
    page.locator("#opened-cancel").click()
    expect(page.locator("#opened .status")).to_have_text("Cancelled", timeout=RUN_MS)
    expect(rows.first).to_contain_text("Cancelled", timeout=15_000)


def test_new_executions_appear_without_a_reload(page: Page, http: httpx.Client, label: str) -> None:
    rows = listed(page, label)
    expect(page.locator("#list-state")).to_have_text(re.compile("No executions"))
    execution = submitted(http, label, "print(1)")
    ended(http, execution)
    expect(rows.first).to_contain_text("Finished", timeout=15_000)


def test_the_list_is_filtered_by_language_status_and_session(
    page: Page, http: httpx.Client, label: str
) -> None:
    for code, language in (("print(1)", "python"), ("1/0", "python"), ("echo 1", "bash")):
        ended(http, submitted(http, label, code, language))
    rows = listed(page, label)
    expect(rows).to_have_count(3)
    page.locator("#list-language").select_option("bash")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Bash")
    page.locator("#list-language").select_option("")
    page.locator("#list-status").select_option("failed")
    expect(rows).to_have_count(0)
    page.locator("#list-status").select_option("completed")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="Exit code 1")).to_have_count(1)


def test_an_execution_that_has_ended_is_opened_with_its_output_also_after_a_reload(
    page: Page, http: httpx.Client, label: str
) -> None:
    execution = submitted(
        http, label, "import sys\nprint('out')\nprint('err', file=sys.stderr)\n1/0"
    )
    ended(http, execution)
    listed(page, label)
    page.get_by_role("button", name=f"Open execution {execution}").click()
    for _ in range(2):
        expect(page.locator("#opened .output")).to_contain_text("ZeroDivisionError")
        expect(page.locator("#opened .output")).to_contain_text("out")
        expect(page.locator("#opened .status")).to_have_text("Ended with exit code 1")
        page.reload()
    page.locator("#opened-close").click()
    expect(page.locator("#opened")).to_be_hidden()


def test_older_executions_are_on_further_pages(page: Page, http: httpx.Client, label: str) -> None:
    for n in range(3):
        ended(http, submitted(http, label, f"print({n})", "python"))
    page.route(
        "**/api/v1/executions?limit=50**",
        lambda route: route.continue_(url=route.request.url.replace("limit=50", "limit=2")),
    )
    rows = listed(page, label)
    expect(rows).to_have_count(2)
    newest = rows.first.inner_text()
    page.get_by_role("button", name="Older").click()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("button", name="Older")).to_be_disabled()
    page.get_by_role("button", name="Newest").click()
    expect(rows).to_have_count(2)
    assert rows.first.inner_text() == newest


def test_a_list_that_does_not_change_is_requested_less_and_less(page: Page, label: str) -> None:
    asked: list[str] = []
    page.clock.install()

    def count(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_()

    page.route("**/api/v1/executions?**", count)
    listed(page, label)
    expect(page.locator("#list-state")).to_have_text(re.compile("No executions"))
    before = len(asked)
    for _ in range(120):
        page.clock.run_for(1000)
        page.evaluate("fetch('/health/live').then(answer => answer.text())")
    assert 3 <= len(asked) - before <= 10, "every 4 s it would be 30"


def test_a_list_that_is_refused_waits_as_long_as_the_gateway_says(page: Page) -> None:
    headers = {"Retry-After": "9"}
    body = {"detail": "Rate limit exceeded. Please try again later."}
    page.route(
        "**/api/v1/executions?**",
        lambda route: route.fulfill(status=429, json=body, headers=headers),
    )
    page.get_by_role("link", name="Executions").click()
    expect(page.locator("#list-state")).to_have_text(re.compile(r"Too many requests.*in 9 s"))


def test_an_execution_that_does_not_exist_is_named(page: Page) -> None:
    page.evaluate("location.hash = 'execution=none'")
    expect(page.locator("#opened .status")).to_have_text("Not found")

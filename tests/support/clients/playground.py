"""What a user does in the playground, in a browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect
from support.fixtures.client.browser import Watched

Open = Callable[..., Watched]
"""Open the playground in a new profile."""
RUN_MS = 60_000
"""How long a program may take to be shown as ended, on a busy machine and in a new Pod."""


def write(page: Page, language: str, code: str) -> None:
    """Select a language and replace the program."""
    page.locator("#language").select_option(language)
    page.get_by_label("Program", exact=True).fill(code)


def run(page: Page, title: str = "Finished") -> None:
    """Run the program, and wait until it ended with this title."""
    page.get_by_role("button", name="Run", exact=True).click()
    ended(page, title)


def ended(page: Page, title: str = "Finished") -> None:
    expect(status(page)).to_have_text(title, timeout=RUN_MS)


def status(page: Page) -> Locator:
    return page.locator("#result .status")


def output(page: Page) -> Locator:
    return page.locator("#result .output")


def notice(page: Page) -> Locator:
    return page.locator("#notice-text")


def fact(page: Page, name: str) -> str:
    """Return a figure of the result."""
    term = page.locator("#result .facts div").filter(has_text=name)
    return term.locator("dd").inner_text()


def fields(page: Page) -> None:
    """Show the fields of the input."""
    page.get_by_text("Input, files and options").click()

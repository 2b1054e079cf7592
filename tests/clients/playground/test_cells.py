"""Sessions of the page that keep their variables, and what their cells show."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from support.clients.playground import RUN_MS, run, write
from support.fixtures.client.browser import Watched

SECTION = "Results of the cell"
HTML = (
    "<b id='shown'>bold</b><script>document.title = 'changed'</script>"
    "<img src='https://example.com/a.png' onerror='top.document.title = 1'>"
    "<a href='https://example.com' target='_top'>away</a>"
)


def results(page: Page) -> Locator:
    return page.get_by_role("region", name=SECTION)


def output(page: Page) -> Locator:
    return page.get_by_role("region", name="Output of the program")


def begin(page: Page, language: str = "python") -> None:
    """Begin a session that keeps its variables."""
    page.locator("#language").select_option(language)
    page.get_by_label("keep variables").check()
    page.get_by_role("button", name="New session").click()
    expect(page.locator("#session-state")).to_have_text(
        re.compile("with its variables, is used"), timeout=RUN_MS
    )


@pytest.mark.parametrize(
    ("language", "first"), [("python", "x = 20"), ("javascript", "let x = 20")]
)
def test_a_cell_shows_its_value_and_finds_the_variables_of_earlier_ones(
    page: Page, language: str, first: str
) -> None:
    begin(page, language)
    write(page, language, first)
    run(page)
    expect(results(page)).to_be_hidden()
    expect(output(page)).to_be_visible()
    page.reload()
    write(page, language, "x + 1")
    run(page)
    expect(results(page)).to_have_text("21")
    expect(output(page)).to_be_hidden()
    page.get_by_role("button", name="Forget variables").click()
    expect(page.locator("#session-state")).to_have_text(re.compile("starts its interpreter anew"))
    run(page, "Ended with exit code 1")
    expect(results(page)).to_have_text(re.compile("NameError|ReferenceError"))
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_label("keep variables")).to_be_visible()


def test_figures_and_tables_are_shown(watched: Watched) -> None:
    page = watched.page
    begin(page)
    code = "import pandas, matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    write(page, "python", code + "pandas.DataFrame({'column': [17]})")
    run(page)
    image = results(page).get_by_role("img")
    assert image.evaluate("image => image.naturalWidth") > 100
    table = page.frame_locator("iframe[title='HTML that the cell made']")
    expect(table.get_by_role("cell", name="17")).to_be_visible()
    results(page).get_by_text("As text").click()
    expect(results(page).locator("pre")).to_have_text(re.compile("column\\s+0\\s+17"))
    watched.shot("cell")


def test_html_of_a_cell_runs_no_script_and_loads_nothing(watched: Watched) -> None:
    page = watched.page
    title = page.title()
    begin(page)
    write(page, "python", f"class H:\n  def _repr_html_(self): return {HTML!r}\nH()")
    run(page)
    frame = page.frame_locator("iframe[title='HTML that the cell made']")
    expect(frame.locator("#shown")).to_have_text("bold")
    frame.get_by_text("away").click()
    assert page.title() == title
    assert page.url.endswith("/play")
    assert any("Blocked script execution" in one for one in watched.refused)
    assert any("img-src" in one for one in watched.refused)

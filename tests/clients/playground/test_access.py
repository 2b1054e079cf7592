"""The playground for users of a keyboard, a screen reader, a phone, and dark colours."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from support.clients.playground import Open, ended, output, run, status, write
from support.fixtures.client.browser import Watched, accessibility_problems

PHONE = {"width": 360, "height": 740}
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(13, 17, 23)"


def background(page: Page) -> str:
    found: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_problem_in_a_result(open_page: Open, scheme: str) -> None:
    watched = open_page(color_scheme=scheme)
    page = watched.page
    code = (
        "import sys\n"
        "for n in range(8): print(f'\\x1b[3{n}mcolour {n}\\x1b[0m \\x1b[4{n}mground {n}\\x1b[0m')\n"
        "print('\\x1b[2mdim', file=sys.stderr)\n"
        "class A:  # a comment\n    x = f'{1 + 2.5}' if True else None\n"
        "open('a.txt', 'w').write('a'); sys.exit(1)"
    )
    write(page, "python", code)
    page.get_by_text("Input, files and options").click()
    run(page, "Ended with exit code 1")
    watched.shot(f"result-{scheme}")
    assert accessibility_problems(page) == []


def test_axe_finds_no_problem_in_the_dialog_and_the_menu(open_page: Open) -> None:
    page = open_page(key=None).page
    page.get_by_text("Copy as").click()
    assert accessibility_problems(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="API key").click()
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert accessibility_problems(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_problem_in_the_list_of_executions(open_page: Open, scheme: str) -> None:
    watched = open_page(color_scheme=scheme)
    page = watched.page
    write(page, "python", "print('listed')")
    run(page)
    page.get_by_role("link", name="Executions").click()
    page.locator("#list button").first.click()
    expect(page.locator("#opened .status")).not_to_have_text("Loading")
    watched.shot(f"executions-{scheme}")
    assert accessibility_problems(page) == []


def test_the_colours_follow_the_system_and_the_switch(open_page: Open) -> None:
    page = open_page(color_scheme="dark").page
    assert background(page) == DARK
    page.emulate_media(color_scheme="light")
    assert background(page) == LIGHT
    page.get_by_label("Theme").select_option("dark")
    assert background(page) == DARK
    page.reload()
    assert background(page) == DARK
    page.get_by_label("Theme").select_option("auto")
    assert background(page) == LIGHT


def test_a_program_is_written_and_run_with_the_keyboard_alone(watched: Watched) -> None:
    page = watched.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the editor")).to_be_focused()
    page.keyboard.press("Enter")
    editor = page.get_by_label("Program", exact=True)
    expect(editor).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("if True:\nprint('by keyboard')")
    page.keyboard.press("Tab")
    assert editor.input_value().startswith("if True:\n    print('by keyboard')"), "Tab indents"
    page.keyboard.press("Control+Enter")
    ended(page)
    expect(output(page)).to_have_text("by keyboard\n")
    expect(editor).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Input, files and options")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Standard input")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(status(page)).not_to_have_text("Finished")
    ended(page)


def test_each_control_can_be_reached_with_tab_and_none_keeps_the_focus(page: Page) -> None:
    reached: list[str] = []
    page.keyboard.press("Tab")
    for _ in range(40):
        name = page.evaluate("document.activeElement.id || document.activeElement.textContent")
        if name == "code":
            page.keyboard.press("Escape")
        reached.append(name)
        page.keyboard.press("Tab")
    expected = ["skip", "to-play", "theme", "key-open", "language", "example", "run", "share"]
    expected += ["code", "session-new"]
    assert [name for name in dict.fromkeys(reached) if name in expected] == expected


def test_the_page_says_what_happens_to_a_screen_reader(page: Page) -> None:
    write(page, "python", "print('x')")
    run(page)
    assert status(page).get_attribute("role") == "status"
    editor = page.get_by_label("Program", exact=True)
    described = editor.get_attribute("aria-describedby")
    expect(page.locator(f"#{described}")).to_contain_text("leaves the editor")
    expect(page.get_by_role("region", name="Output of the program")).to_be_visible()
    assert page.locator("#editor .pce-line:not([aria-hidden])").count() == 0


def test_the_page_fits_a_phone_and_runs_there(open_page: Open) -> None:
    watched = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page = watched.page
    write(page, "python", "print('x' * 500)\n# " + "long " * 60)
    run(page)
    for view in ("play", "executions"):
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view
        watched.shot(f"phone-{view}")
        assert accessibility_problems(page) == []
        page.get_by_role("link", name="Executions").click()
        expect(page.locator("#list tr").first).to_be_visible()

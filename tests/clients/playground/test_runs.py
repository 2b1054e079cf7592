"""Programs that are run in the page: their input, output, files and ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect
from support.clients.playground import RUN_MS, ended, fact, fields, output, run, status, write
from support.data.names import ROOT
from support.fixtures.client.browser import Watched

LANGUAGES = sorted(path.parent.name for path in ROOT.glob("runtimes/*/runtime.yaml"))


def test_the_examples_of_each_language_are_highlighted(page: Page) -> None:
    for language in LANGUAGES:
        page.locator("#language").select_option(language)
        page.locator("#example").select_option("hello")
        page.locator("#load-example").click()
        source = next(ROOT.glob(f"runtimes/{language}/examples/hello.[!y]*"))
        expect(page.get_by_label("Program", exact=True)).to_have_value(source.read_text())
        assert page.locator("#editor .token").count() > 1, language


@pytest.mark.parametrize("language", ["bash", "c", "sqlite"])
def test_an_example_runs(page: Page, language: str) -> None:
    expected = yaml.safe_load((ROOT / f"runtimes/{language}/examples/stdin.yaml").read_text())
    page.locator("#language").select_option(language)
    page.locator("#example").select_option("stdin")
    page.locator("#load-example").click()
    run(page)
    assert output(page).inner_text() == expected["stdout"]


def test_output_is_shown_while_the_program_runs_and_it_can_be_cancelled(watched: Watched) -> None:
    page = watched.page
    write(page, "python", "import time\nprint('begun', flush=True)\ntime.sleep(250)\nprint('end')")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(output(page)).to_have_text(re.compile("begun"), timeout=RUN_MS)
    expect(status(page)).to_have_text("Running")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    expect(page.locator("#result .clock")).to_have_text(re.compile(r"\d\.\d s"))
    watched.shot("running")
    page.get_by_role("button", name="Cancel", exact=True).first.click()
    ended(page, "Cancelled")
    expect(output(page)).to_have_text(re.compile("begun"))
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_a_program_gets_its_input_arguments_variables_and_files(page: Page, tmp_path: Path) -> None:
    given = tmp_path / "in put.txt"
    given.write_text("from the file")
    fields(page)
    page.get_by_label("Standard input").fill("line\n")
    page.get_by_label("Arguments, as in a shell").fill("one 'two words'")
    page.get_by_label("Environment variables").fill("WHO=Ada\nEMPTY=")
    page.get_by_label("Files for the program").first.set_input_files(given)
    write(
        page,
        "python",
        "import os, sys\n"
        "print(input(), sys.argv[1:], os.environ['WHO'], repr(os.environ['EMPTY']))\n"
        "print(open('in put.txt').read())\n",
    )
    run(page)
    assert output(page).inner_text() == "line ['one', 'two words'] Ada ''\nfrom the file\n"


def test_files_come_back_and_images_are_shown(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Example").select_option("plot")
    page.get_by_role("button", name="Load").click()
    page.get_by_role("button", name="Undo").is_visible()
    run(page)
    image = page.get_by_alt_text("The image plot.png that the program made")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") > 100
    with page.expect_download() as started:
        page.get_by_role("link", name="plot.png").click()
    assert started.value.suggested_filename == "plot.png"
    assert Path(started.value.path()).read_bytes().startswith(b"\x89PNG")
    watched.shot("plot")


def test_the_figures_of_a_run_are_shown(page: Page) -> None:
    write(page, "python", "import sys\nb'x' * 50_000_000\nsys.exit(3)")
    run(page, "Ended with exit code 3")
    assert fact(page, "Exit code") == "3"
    assert fact(page, "Reason") == "Exited"
    assert re.fullmatch(r"\d+\.\d{3} s", fact(page, "Time"))
    assert re.fullmatch(r"[\d.]+ MiB", fact(page, "Memory"))


@pytest.mark.parametrize(
    ("language", "code", "title", "words"),
    [
        ("python", "print(", "The code cannot be compiled", "SyntaxError"),
        ("c", "int main(void) { return x; }", "The code cannot be compiled", "undeclared"),
        ("python", "x = bytearray(2**40)", "Out of memory", ""),
        (
            "c",
            "#include <signal.h>\nint main(void) { raise(SIGSEGV); }",
            "Ended by the signal SIGSEGV",
            "",
        ),
        ("bash", "echo oops >&2; exit 9", "Ended with exit code 9", "oops"),
    ],
    ids=["syntax", "compiler", "memory", "signal", "exit code"],
)
def test_the_end_of_a_program_is_named_in_plain_words(
    page: Page, language: str, code: str, title: str, words: str
) -> None:
    write(page, language, code)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(status(page)).to_have_text(re.compile(re.escape(title)), timeout=RUN_MS)
    expect(output(page)).to_contain_text(words)


def test_a_timeout_is_named_with_the_output_so_far(page: Page) -> None:
    fields(page)
    page.get_by_label("Timeout in seconds").fill("1")
    write(page, "python", "print('before')\nwhile True: pass")
    run(page, "Timeout")
    expect(output(page)).to_have_text("before\n")
    expect(page.locator("#result .help")).to_have_text(re.compile("did not end in time"))


def test_a_mistake_in_a_field_is_named_and_nothing_is_run(page: Page) -> None:
    write(page, "python", "")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#notice-text")).to_have_text(re.compile("The program is empty"))
    write(page, "python", "print(1)")
    fields(page)
    page.get_by_label("Timeout in seconds").fill("301")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#notice-text")).to_have_text(re.compile("between 0.1 and 300"))
    page.get_by_label("Timeout in seconds").fill("30")
    page.get_by_label("Arguments, as in a shell").fill("'open")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#notice-text")).to_have_text(re.compile("quote"))


def test_a_session_keeps_files_from_one_run_to_the_next(page: Page) -> None:
    page.get_by_role("button", name="New session").click()
    state = page.locator("#session-state")
    expect(state).to_have_text(re.compile("for Python is used"), timeout=RUN_MS)
    write(page, "python", "open('kept', 'w').write('from before')")
    run(page)
    page.reload()
    expect(state).to_have_text(re.compile("for Python is used"))
    write(page, "python", "print(open('kept').read())")
    run(page)
    expect(output(page)).to_have_text("from before\n")
    page.get_by_role("button", name="End session").click()
    expect(state).to_have_text(re.compile("^none"))
    run(page, "Ended with exit code 1")
    expect(output(page)).to_have_text(re.compile("FileNotFoundError"))

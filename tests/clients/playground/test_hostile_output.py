"""Programs whose output attacks the page of the user who runs them."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect
from support.clients.playground import fields, output, run, write
from support.fixtures.client.browser import Watched

SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='200' height='50' onload='hacked()'>"
    "<script>parent.hacked = 1; hacked = 1</script><image href='/docs' width='9' height='9'/>"
    "<rect width='200' height='50' fill='green'/></svg>"
)


def test_markup_in_the_output_stays_text(page: Page) -> None:
    text = "<img src=x onerror=hacked=1><script>hacked=1</script><b>bold</b> &amp;"
    line = f"{text}\n"
    write(page, "python", f"import sys\nsys.stdout.write({line!r})\nsys.stderr.write({line!r})")
    run(page)
    assert output(page).inner_text() == f"{text}\n{text}\n"
    assert output(page).locator("img, script, b").count() == 0
    assert page.evaluate("typeof hacked") == "undefined"


def test_colours_are_styles_and_other_sequences_are_not_shown(page: Page) -> None:
    write(page, "python", r"print('\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b[2J\x1b[Hplain\x08')")
    run(page)
    assert output(page).inner_text() == "red plain\n"
    assert output(page).locator(".bold.fg1").inner_text() == "red"


def test_a_flood_of_output_is_bounded_in_the_page(watched: Watched) -> None:
    page = watched.page
    write(page, "python", "for n in range(40_000): print(f'\\x1b[3{n % 8}m{n:09}\\x1b[0m')")
    run(page)
    sizes = "element => [element.textContent.length, element.childNodes.length]"
    length, parts = output(page).evaluate(sizes)
    assert length <= 256 * 1024
    assert parts <= 4000
    expect(page.locator("#result .note").first).to_have_text(re.compile("are not shown"))
    expect(page.locator("#result .note").last).to_have_text(
        re.compile("standard output is missing")
    )


def test_a_line_without_an_end_is_bounded_in_the_page(page: Page) -> None:
    write(
        page,
        "python",
        "import sys\nsys.stdout.write('x' * 300_000)\nsys.stderr.write('y' * 300_000)",
    )
    run(page)
    assert output(page).evaluate("element => element.textContent.length") <= 256 * 1024


def test_an_image_with_a_script_is_only_an_image(watched: Watched) -> None:
    page = watched.page
    write(page, "python", f"open('a.svg', 'w').write({SVG!r})")
    run(page)
    image = page.get_by_alt_text("The image a.svg that the program made")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") == 200
    assert image.get_attribute("src").startswith("data:image/svg+xml;base64,")  # type: ignore[union-attr]
    assert page.evaluate("typeof hacked") == "undefined"


def test_files_with_hostile_names_are_text_and_get_harmless_names(page: Page) -> None:
    names = ["<img src=x onerror=hacked=1>.txt", "a\u202egnp.exe", "-rf .txt", "page.html"]
    fields(page)
    page.get_by_label("Files to bring back").fill("*")
    content = "<script>hacked=1</script>"
    code = (
        "import os\nos.remove('main.py')\n"
        f"for name in {names!r}: open(name, 'w').write({content!r})"
    )
    write(page, "python", code)
    run(page)
    links = page.locator("#result .files a")
    expect(links).to_have_count(len(names))
    found = {link.inner_text(): link.get_attribute("download") for link in links.all()}
    assert set(found) == set(names)
    assert all(re.fullmatch(r"[\w.=()&;-]+", name or "") for name in found.values()), json.dumps(
        found
    )
    with page.expect_download() as started:
        page.get_by_role("link", name="page.html").click()
    assert started.value.suggested_filename == "page.html"
    assert page.evaluate("typeof hacked") == "undefined"

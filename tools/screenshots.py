"""Write docs/playground-*.png from the running installation: `make screenshots`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import expect
from support.fixtures.client.browser import chromium
from support.fixtures.installation import installed

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

ROOT = Path(__file__).parents[1]
_SIZE: ViewportSize = {"width": 1200, "height": 760}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_RUN_MS = 60_000
_BUSY = (
    (
        "python",
        "import time\nfor step in range(100):\n    print(step, flush=True)\n    time.sleep(1)",
    ),
    ("bash", "exit 3"),
    ("javascript", "console.log([1, 2, 3].map(n => n * n))"),
    ("python", "while True: pass"),
)
"""Programs for the list, of which some do not end before the picture is taken."""


def main() -> int:
    """Take the pictures, one light and one dark."""
    found = installed()
    with chromium() as browser:
        for scheme in _SCHEMES:
            context = browser.new_context(
                viewport=_SIZE, color_scheme=scheme, device_scale_factor=2
            )
            context.add_init_script(
                f"sessionStorage.setItem('cloche.key', {json.dumps(found.key)})"
            )
            page = context.new_page()
            page.goto(f"{found.url}/play")
            _play(page)
            page.screenshot(path=ROOT / "docs" / f"playground-{scheme}.png")
            if scheme == "dark":
                _executions(page)
                page.screenshot(path=ROOT / "docs" / "playground-executions.png")
            context.close()
    return 0


def _play(page: Page) -> None:
    """Run the example that draws a picture."""
    page.locator("#language").select_option("python")
    page.locator("#example").select_option("plot")
    page.locator("#load-example").click()
    page.locator("#notice-close").click()
    page.locator("#run").click()
    expect(page.locator("#result .status")).to_have_text("Finished", timeout=_RUN_MS)
    expect(page.locator("#result img")).to_be_visible()


def _executions(page: Page) -> None:
    """Start some programs, and open the list while one of them runs."""
    for language, code in _BUSY:
        page.evaluate(
            "body => fetch('/api/v1/execute/async', {method: 'POST', body: JSON.stringify(body),"
            " headers: {'Content-Type': 'application/json',"
            " 'X-API-Key': sessionStorage.getItem('cloche.key')}})",
            {"language": language, "code": code, "timeout": 20, "session_id": "course-1"},
        )
    page.locator("#to-executions").click()
    page.locator("#list-session").fill("course-1")
    page.locator("#list-session").press("Enter")
    expect(page.locator("#list tr").filter(has_text="Running").first).to_be_visible(timeout=_RUN_MS)


if __name__ == "__main__":
    sys.exit(main())

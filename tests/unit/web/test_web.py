"""The playground's source: its own tests, and that it knows each language and each reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from support.data.names import ROOT

from cloche_api.resources.phases import Reason

WEB = ROOT / "web"
LANGUAGES = {path.parent.name for path in ROOT.glob("runtimes/*/runtime.yaml")}


def test_the_tests_in_typescript_pass() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "web.py", "test"],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"tests [1-9]\d", done.stdout), done.stdout


def test_the_page_describes_each_reason_of_an_execution() -> None:
    text = (WEB / "src" / "reasons.ts").read_text()
    table = text.partition("const REASONS")[2].partition("\n};")[0]
    assert set(re.findall(r"^  (\w+): \[", table, re.MULTILINE)) == {str(one) for one in Reason}


def test_the_page_knows_each_language() -> None:
    text = (WEB / "src" / "languages.ts").read_text()
    table = text.partition("const LOOKS")[2].partition("\n};")[0]
    looks = dict(re.findall(r'^  (\w+): \{ title: .*grammar: "(\w+)"', table, re.MULTILINE))
    assert set(looks) == LANGUAGES
    for grammar in looks.values():
        assert f'import "prism-code-editor/prism/languages/{grammar}";' in text


def test_the_image_copies_the_examples_of_each_language() -> None:
    text = (ROOT / "gateway" / "Dockerfile").read_text()
    copied = re.findall(
        r"^COPY runtimes/(\w+)/examples /build/runtimes/\1/examples$", text, re.MULTILINE
    )
    assert set(copied) == LANGUAGES


def test_the_lock_file_names_no_registry_and_has_hashes() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    for name, one in packages.items():
        assert "resolved" not in one, name
        assert one["integrity"].startswith("sha512-"), name

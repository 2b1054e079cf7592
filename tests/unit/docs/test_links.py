"""Links and paths in the documentation lead to files and headings that exist."""

from __future__ import annotations

import posixpath
import re

import pytest
from support.data.documents import Link, anchors, links, pages, text_of, tracked
from support.data.names import ROOT

_EXTERNAL = re.compile(r"^[a-z]+:")
_TEST_NAME = re.compile(r"(?<![\w./-])tests/[\w/]+\.py")
_PATH_IN_TABLE = re.compile(r"`([\w.*-]+/[\w./*-]*)`")
_SHORT = {"api": "crds/cloche_api"} | {
    name: f"{name}/cloche_{name}" for name in ("gateway", "operator")
}
"""Names of folders in CONTRIBUTING's table of what to open for a change."""
_PAGE_NAME = re.compile(r"(?<![\w./-])docs/[\w/-]+\.md(?:#[\w-]+)?")


def missing(link: Link) -> str | None:
    """Return what a link of a page leads to, if that does not exist."""
    if _EXTERNAL.match(link.target):
        return None
    path, _, anchor = link.target.partition("#")
    here = posixpath.dirname(link.page)
    target = posixpath.normpath(posixpath.join(here, path)) if path else link.page
    if not (ROOT / target).exists():
        return target
    if anchor and target.endswith(".md") and anchor not in anchors(target):
        return f"{target}#{anchor}"
    return None


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    dead = [f"{page}:{one.line}: {missing(one)}" for one in links(page) if missing(one)]
    assert not dead


def test_every_page_that_code_and_comments_name_exists() -> None:
    dead = []
    for path in tracked("*.py", "*.yaml", "*.tpl", "*.txt", "Makefile", "*.toml", "*.sh"):
        for found in _PAGE_NAME.finditer(text_of(path)):
            page, _, anchor = found[0].partition("#")
            if not (ROOT / page).is_file() or (anchor and anchor not in anchors(page)):
                dead.append(f"{path}: {found[0]}")
    assert not dead


def test_every_test_that_the_documentation_names_exists() -> None:
    named = {(page, name) for page in pages() for name in _TEST_NAME.findall(text_of(page))}
    assert len(named) > 20
    assert {(page, name) for page, name in named if not (ROOT / name).is_file()} == set()


def _full(path: str) -> str:
    first, slash, rest = path.partition("/")
    return f"{_SHORT.get(first, first)}{slash}{rest}"


def test_every_path_in_the_table_of_what_to_open_exists() -> None:
    section = text_of("CONTRIBUTING.md").partition("## To change something, open")[2]
    rows = [row for row in section.partition("\n## ")[0].splitlines() if row.startswith("|")]
    paths = {path for row in rows for path in _PATH_IN_TABLE.findall(row) if "NAME" not in path}
    assert len(paths) > 30
    assert {path for path in paths if not any(ROOT.glob(_full(path)))} == set()


def test_every_page_of_the_documentation_is_linked_from_another() -> None:
    linked = {
        posixpath.normpath(posixpath.join(posixpath.dirname(page), one.target.partition("#")[0]))
        for page in pages()
        for one in links(page)
        if not _EXTERNAL.match(one.target)
    }
    assert {page for page in pages() if page.startswith("docs/")} <= linked


def test_a_dead_link_is_found() -> None:
    assert missing(Link("README.md", 1, "nowhere.md")) == "nowhere.md"
    assert missing(Link("docs/README.md", 1, "../README.md#nowhere")) == "README.md#nowhere"
    assert missing(Link("docs/README.md", 1, "#decisions")) is None

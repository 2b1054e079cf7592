"""Links of the documentation lead to files and headings that exist."""

from __future__ import annotations

import posixpath
import re

import pytest
from support.data.documents import Link, anchors, links, pages, text_of, tracked
from support.data.names import ROOT

_EXTERNAL = re.compile(r"^[a-z]+:")
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

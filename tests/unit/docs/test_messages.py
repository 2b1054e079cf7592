"""The messages that docs/operate/troubleshoot.md explains are those of the programs."""

from __future__ import annotations

import ast
import functools
import re

import pytest
from support.data.documents import section, tables, text_of, tracked

PAGE = "docs/operate/troubleshoot.md"
_MESSAGES = {
    "## QueueTimeout and QueueFull": 2,
    "## Unschedulable": 1,
    "## Every answer is 503": 1,
    "## HTTP 429": 1,
    "## HTTP 401 and 403": 1,
}
"""The sections whose first tables begin with messages of gateway and operator, and how many."""
_CODE = re.compile(r"`([^`]{15,})`")
_ANYTHING = "…"
_LITERAL_CHARACTERS = 12
"""A shorter piece of a message could be in others too."""


def documented() -> list[str]:
    """Return the messages, with `…` for figures and without what all of an error begin with."""
    found = []
    for heading, number in _MESSAGES.items():
        for table in tables(section(PAGE, heading))[:number]:
            # A status code can be before the message.
            cells = [row[1] if row[0].isdigit() else row[0] for row in table]
            found += [text for cell in cells for text in _CODE.findall(cell)]
    return [re.sub(r"\d+", _ANYTHING, text.removeprefix("Service busy: ")) for text in found]


@functools.cache
def of_programs() -> tuple[str, ...]:
    """Return the strings of gateway and operator, with `…` for what is inserted into them."""
    found = set()
    for path in tracked("crds/cloche_api/*.py", "gateway/cloche_gateway/*.py", "operator/*.py"):
        pieces: set[ast.AST] = set()
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.JoinedStr):
                pieces |= set(node.values)
                parts = [p.value if isinstance(p, ast.Constant) else _ANYTHING for p in node.values]
                found.add("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and node not in pieces:
                found.add(str(node.value))
    return tuple(one for one in found if len(one.replace(_ANYTHING, "")) >= _LITERAL_CHARACTERS)


def pattern(text: str) -> re.Pattern[str]:
    """Return a pattern for the beginning of a text, in which `…` is anything."""
    return re.compile(".*?".join(re.escape(part) for part in re.split(r" ?… ?", text)))


@pytest.mark.parametrize("message", documented())
def test_a_message_of_the_troubleshooting_page_is_one_of_a_program(message: str) -> None:
    """The page may cut a message, and a program may put an end after it."""
    assert any(pattern(message).match(one) or pattern(one).match(message) for one in of_programs())


def test_the_page_explains_many_messages() -> None:
    assert len(documented()) > 25

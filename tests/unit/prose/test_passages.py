"""Which passages are found in Markdown, Python and other files."""

from __future__ import annotations

from prose.passage import Kind
from prose.revisions import of_file

_MARKDOWN = """\
# Title

First line
and second.

- an item
- another

```sh
not prose
```

| a | b |
|---|---|
| cell | cell |
"""

_PYTHON = '''\
"""The module."""

LIMIT = 5  # trailing
"""The limit."""


class Thing:
    """A thing."""

    size: int = 3
    """Its size."""

    def act(self) -> None:
        """Act.

        Raises ValueError.
        """
        # One comment
        # in two lines.
        raise ValueError(f"the size {self.size} is " "too large: lower it")
'''


def test_markdown_is_split_into_paragraphs_items_and_rows() -> None:
    found = of_file("a.md", _MARKDOWN)
    assert [(one.line, one.text) for one in found] == [
        (3, "First line and second."),
        (6, "- an item"),
        (7, "- another"),
        (13, "| a | b |"),
        (15, "| cell | cell |"),
    ]
    assert {one.owner for one in found} == {"Title"}


def test_docstrings_of_modules_classes_functions_and_constants_are_found() -> None:
    found = [one for one in of_file("a.py", _PYTHON) if one.kind is Kind.DOCSTRING]
    assert [(one.owner, one.text) for one in found] == [
        ("module", "The module."),
        ("LIMIT", "The limit."),
        ("Thing", "A thing."),
        ("Thing.size", "Its size."),
        ("Thing.act", "Act. Raises ValueError."),
    ]


def test_comment_lines_of_one_column_are_one_passage() -> None:
    found = [one for one in of_file("a.py", _PYTHON) if one.kind is Kind.COMMENT]
    assert [(one.line, one.text) for one in found] == [
        (3, "trailing"),
        (18, "One comment in two lines."),
    ]


def test_a_message_is_one_passage_with_placeholders() -> None:
    (found,) = (one for one in of_file("a.py", _PYTHON) if one.kind is Kind.MESSAGE)
    assert found.text == "the size X is too large: lower it"


def test_linter_directives_are_not_prose() -> None:
    (found,) = of_file("a.py", "x = 1  # noqa: S104  because of Pods\n")
    assert found.text == "because of Pods"


def test_comments_of_other_files_are_found_by_their_markers() -> None:
    yaml = of_file("values.yaml", "# Two\n# lines.\na: 1  # third\nurl: http://x#y\n")
    assert [one.text for one in yaml] == ["Two lines.", "third"]
    go = of_file("main.go", "// Package main.\npackage main\n")
    assert [one.text for one in go] == ["Package main."]
    assert not of_file("data.json", '{"#": 1}')

"""Passages of Python: docstrings, comments, and strings that contain a sentence."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from prose.passage import Kind, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTIVE = re.compile(r"^\s*(noqa(: [A-Z0-9, ]+)?|type: ignore\S*|fmt: \w+|pragma: [\w ]+)\s*")
_PLACEHOLDER = "X"
"""Replaces a value of an f-string."""
_SENTENCE_WORDS = 3
"""Shorter strings are names, keys and patterns."""
_WORD = re.compile(r"[A-Za-z][a-z'-]+")
_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (ast.Module, *_NAMED)


def passages(path: str, source: str) -> list[Passage]:
    """Return docstrings, comments and messages of a module; nothing if it is not valid Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    found = _Strings(path, source)
    found.visit(tree)
    every = [*found.passages, *_comments(path, source)]
    return sorted(every, key=lambda passage: passage.line)


class _Strings(ast.NodeVisitor):
    """Collects docstrings (of constants and fields too) and messages."""

    def __init__(self, path: str, source: str) -> None:
        self.passages: list[Passage] = []
        self._path = path
        self._source = source.splitlines()
        self._names: list[str] = []
        self._docstrings: set[ast.AST] = set()

    def visit(self, node: ast.AST) -> None:
        """Collect from `node` and what is below it."""
        body = getattr(node, "body", None)
        if isinstance(body, list):
            self._find_docstrings(node, body)
        if isinstance(node, ast.Constant | ast.JoinedStr):
            self._message(node)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            self._names.append(node.name)
            self.generic_visit(node)
            self._names.pop()
        else:
            self.generic_visit(node)

    def _find_docstrings(self, node: ast.AST, body: list[ast.stmt]) -> None:
        """Take the first string of a definition, and each string after an assignment."""
        names = [*self._names, *([node.name] if isinstance(node, _NAMED) else [])]
        before: ast.stmt | None = None
        for number, statement in enumerate(body):
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                if number == 0 and isinstance(node, _DOCUMENTED):
                    self._docstring(value, names)
                elif isinstance(before, ast.Assign | ast.AnnAssign):
                    target = before.targets[0] if isinstance(before, ast.Assign) else before.target
                    self._docstring(value, [*names, ast.unparse(target)])
            before = statement

    def _docstring(self, node: ast.Constant, names: list[str]) -> None:
        self._docstrings.add(node)
        lines = tuple(line.strip() for line in str(node.value).splitlines())
        owner = ".".join(names) or "module"
        self.passages.append(Passage(self._path, node.lineno, Kind.DOCSTRING, owner, lines))

    def _message(self, node: ast.Constant | ast.JoinedStr) -> None:
        text = _text(node)
        if node in self._docstrings or len(_WORD.findall(text)) < _SENTENCE_WORDS:
            return
        lines = tuple(line.strip() for line in text.splitlines())
        owner = ".".join(self._names) or "module"
        self.passages.append(Passage(self._path, node.lineno, Kind.MESSAGE, owner, lines))


def _text(node: ast.expr) -> str:
    """Return the text of a string, with a placeholder for each value of an f-string."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return _PLACEHOLDER if isinstance(node, ast.FormattedValue) else ""


def _comments(path: str, source: str) -> Iterator[Passage]:
    """Return comments; lines that follow each other in one column are one comment."""
    block: list[str] = []
    first, column = 0, -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = _DIRECTIVE.sub("", token.string.lstrip("#!:"))
        line, at = token.start
        if not (block and line == first + len(block) and at == column):
            yield from _block(path, first, block)
            block, first, column = [], line, at
        block.append(text.strip())
    yield from _block(path, first, block)


def _block(path: str, first: int, block: list[str]) -> Iterator[Passage]:
    if any(block):
        yield Passage(path, first, Kind.COMMENT, "", tuple(block))

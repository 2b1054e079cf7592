"""Count idioms in docs, docstrings and comments of two states of the repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prose.passage import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prose.passage import Passage

IDIOMS = ("told", "nobody", "beside", "stands", "whatever", "of its own")
"""Words for which a common one exists. The style is in CONTRIBUTING.md."""
SHARE = 0.1
"""What may remain of each, as a share of the count before."""


def matching(passages: Iterable[Passage], idiom: str) -> list[Passage]:
    """Return a passage for each occurrence of `idiom`, in any case, between word boundaries."""
    pattern = re.compile(rf"\b{re.escape(idiom)}\b", re.IGNORECASE)
    return [
        passage
        for passage in passages
        if passage.kind is not Kind.MESSAGE
        for _ in pattern.findall(passage.text)
    ]


def table(before: Sequence[Passage], after: Sequence[Passage]) -> tuple[str, bool]:
    """Return a Markdown table of the counts, and whether each is within SHARE."""
    rows, within = ["| words | before | after | share |", "|---|---|---|---|"], True
    for idiom in IDIOMS:
        old, new = len(matching(before, idiom)), len(matching(after, idiom))
        within = within and new <= SHARE * old
        share = f"{100 * new / old:.0f} %" if old else "-"
        rows.append(f"| {idiom} | {old} | {new} | {share} |")
    return "\n".join(rows), within

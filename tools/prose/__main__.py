"""`python -m prose lint`, `count` and `draw`: see `make prose`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from prose.count import IDIOMS, matching, table
from prose.draw import draw, report, successor
from prose.lint import findings, is_linted
from prose.revisions import Revision, RevisionError, WorkingTree, passages

if TYPE_CHECKING:
    from collections.abc import Callable

_BASE = "dc30797"
"""The commit before the documentation and the comments were rewritten."""


def main() -> int:
    """Run a command. Return 0, 1 if the prose does not pass, or 2 after another error."""
    arguments = _parser().parse_args()
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except RevisionError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prose", description=__doc__)
    commands = parser.add_subparsers(required=True)
    lint = commands.add_parser("lint", help="check docs, docstrings, comments and messages")
    lint.set_defaults(command=_lint)
    count = commands.add_parser("count", help="count idioms at a revision and in the working tree")
    count.add_argument("--list", action="store_true", help="list the passages of the working tree")
    count.set_defaults(command=_count)
    drawn = commands.add_parser("draw", help="draw passages of a revision, and show them as now")
    drawn.add_argument("--number", type=int, default=30)
    drawn.add_argument("--seed", type=int, default=1)
    drawn.set_defaults(command=_draw)
    for one in (count, drawn):
        one.add_argument("--base", default=_BASE, metavar="REV", help="(default %(default)s)")
    return parser


def _lint(_arguments: argparse.Namespace) -> int:
    found = findings({p: text for p, text in WorkingTree().read().items() if is_linted(p)})
    for one in found:
        sys.stdout.write(f"{one}\n")
    return int(not all(one.warning for one in found))


def _count(arguments: argparse.Namespace) -> int:
    after = passages(WorkingTree())
    counted, within = table(passages(Revision(arguments.base)), after)
    sys.stdout.write(f"{counted}\n")
    if arguments.list:
        for idiom in IDIOMS:
            for one in matching(after, idiom):
                sys.stdout.write(f"{one.path}:{one.line}: {idiom}: {one.text}\n")
    return int(not within)


def _draw(arguments: argparse.Namespace) -> int:
    base = Revision(arguments.base)
    after, moved = passages(WorkingTree()), base.moved()
    chosen = draw(passages(base), arguments.number, arguments.seed)
    sys.stdout.write(report([(one, successor(one, after, moved)) for one in chosen]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

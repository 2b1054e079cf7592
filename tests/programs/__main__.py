"""`python -m programs`: run the corpus and print what failed, by kind and by language.

Another installation is named by --on; its key is in the environment variable CLOCHE_API_KEY.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from support.fixtures.installation import installed

from programs.answers import TOGETHER, Answer, requested
from programs.corpus_files import Program, programs

REQUEST_SECONDS = 450
"""As long as the longest request."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m programs", description=__doc__)
    parser.add_argument("--on", metavar="URL", help="another installation than that of make up")
    parser.add_argument("--language", help="only the programs of this language")
    parser.add_argument("--kind", help="only the programs of this kind")
    parser.add_argument("--name", help="only the programs whose name contains this")
    parser.add_argument("--together", type=int, default=TOGETHER, help=f"at a time ({TOGETHER})")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the faults as JSON")
    return parser.parse_args()


def chosen(every: Sequence[Program], given: argparse.Namespace) -> list[Program]:
    """Return the programs that the arguments select."""
    return [
        program
        for program in every
        if given.language in (None, program.language)
        if given.kind in (None, program.kind)
        if (given.name or "") in str(program)
    ]


def table(answers: Sequence[Answer], title: str, of: Callable[[Program], str]) -> str:
    """Return a table of how many programs ran and failed, by `of`."""
    ran = Counter(of(answer.program) for answer in answers)
    failed = Counter(of(answer.program) for answer in answers if answer.faults)
    lines = [f"{title:24}{'programs':>10}{'failed':>8}"]
    lines += [f"{name:24}{ran[name]:>10}{failed[name]:>8}" for name in sorted(ran)]
    lines.append(f"{'all':24}{ran.total():>10}{failed.total():>8}")
    return "\n".join(lines)


def _client(given: argparse.Namespace) -> httpx.Client:
    """Return a client of the chosen installation."""
    if given.on:
        url, key = given.on, os.environ["CLOCHE_API_KEY"]
    else:
        url, key = (found := installed()).url, found.key
    return httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=REQUEST_SECONDS)


def _run(http: httpx.Client, given: argparse.Namespace) -> list[Answer]:
    """Run the chosen programs and print each failure when it is known."""
    answers = []
    with requested(http, chosen(programs(), given), given.together) as futures:
        for future in futures.values():
            answers.append(answer := future.result())
            if answer.faults:
                sys.stdout.write(f"FAILED {answer.program} ({answer.program.about})\n")
                sys.stdout.writelines(f"    {fault}\n" for fault in answer.faults)
                sys.stdout.flush()
    return answers


def main() -> int:
    """Run the corpus; return 1 if a program failed, and 2 without a key or a program."""
    given = _arguments()
    if given.on and not os.environ.get("CLOCHE_API_KEY"):
        sys.stderr.write("error: set CLOCHE_API_KEY to a key of the installation named by --on\n")
        return 2
    if not chosen(programs(), given):
        sys.stderr.write("error: no program has this language, kind and name\n")
        return 2
    begun = time.monotonic()
    with _client(given) as http:
        answers = _run(http, given)
    for title, of in (("kind", _kind), ("language", _language)):
        sys.stdout.write(f"\n{table(answers, title, of)}\n")
    sys.stdout.write(f"\n{time.monotonic() - begun:.0f} s\n")
    if given.write:
        found = {str(answer.program): answer.faults for answer in answers if answer.faults}
        given.write.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    return int(any(answer.faults for answer in answers))


def _kind(program: Program) -> str:
    return program.kind


def _language(program: Program) -> str:
    return program.language


if __name__ == "__main__":
    sys.exit(main())

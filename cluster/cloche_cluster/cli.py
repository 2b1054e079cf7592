"""Command line: `python -m cloche_cluster COMMAND`; `--help` lists the commands."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from cloche_cluster.checkout import Checkout
from cloche_cluster.console import Console
from cloche_cluster.errors import ClusterError
from cloche_cluster.install.keys import duration, key_limits
from cloche_cluster.machine.command import end_children
from cloche_cluster.operations import Operations
from cloche_cluster.targets.choice import Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 plus the number of SIGINT, as in shells."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one operation and return the exit code: 0, 1 with a message on stderr, or 130."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    operations = Operations(Console(), Wish(options.cluster), Checkout())
    try:
        _run(operations, options)
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: `make up` goes on from here, `make down` removes it\n")
        return INTERRUPTED
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m cloche_cluster",
        description="Bring up a Kubernetes, build Cloche's images, install Cloche into it.",
    )
    top.add_argument(
        "--cluster",
        choices=[wish.value for wish in Wish],
        default=Wish.AUTO.value,
        help="auto (default): the current context if it is kind or minikube and answers; else "
        "kind where Docker answers and kind is installed; else embedded. current: whatever "
        "kubectl's context is.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="bring everything up; again: only what changed")
    up.add_argument("--bare", action="store_true", help="the cluster alone, without Cloche")
    up.add_argument(
        "--languages",
        default="",
        metavar="NAMES",
        help="install just these, e.g. python,bash, now and in later calls; all: every language",
    )
    commands.add_parser(
        "doctor",
        help="look for what is in the way of up, and say what to do about it: 1 if anything is",
    )
    commands.add_parser("down", help="remove what up made, and say what")
    commands.add_parser("status", help="what runs where")
    languages = commands.add_parser("languages", help="which languages are available")
    languages.add_argument(
        "--require-all", action="store_true", help="print nothing, and fail where one is missing"
    )
    commands.add_parser("images", help="build the images and bring them to the cluster")
    commands.add_parser("sbom", help="write what is in each image into .cloche/sbom")
    key = commands.add_parser("key", help="make an API key and print it once")
    key.add_argument("name", help="the key's name")
    key.add_argument("--tenant", help="whose executions it sees (default: the key's name)")
    key.add_argument("--rate", help="executions a minute (default: the installation's, 100)")
    key.add_argument(
        "--concurrency", help="executions at a time, more wait (default: the installation's, 50)"
    )
    key.add_argument("--expires", help="how long it holds: 90m, 12h, 30d (default: for ever)")
    key.add_argument("--replace", action="store_true", help="in place of a key of that name")
    commands.add_parser("clean-cache", help="remove programs and images that down keeps")
    return top


def _run(operations: Operations, options: argparse.Namespace) -> None:
    match options.command:
        case "up":
            operations.up(bare=options.bare, only=options.languages)
        case "doctor":
            operations.doctor()
        case "down":
            operations.down()
        case "status":
            operations.status()
        case "languages":
            operations.languages(require_all=options.require_all)
        case "images":
            operations.images()
        case "sbom":
            operations.sbom()
        case "key":
            limits = key_limits(options.rate, options.concurrency)
            holds = duration(options.expires) if options.expires else None
            operations.key(options.name, options.tenant, limits, holds, replace=options.replace)
        case _:
            operations.clean_cache()


def _interrupt(signum: int, frame: object) -> NoReturn:
    """Terminate all child processes, then this one. SIGTERM is handled like Ctrl-C."""
    del signum, frame
    end_children()
    raise KeyboardInterrupt

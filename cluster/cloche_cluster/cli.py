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
from cloche_cluster.own.packages import KINDS
from cloche_cluster.own_operations import OwnOperations
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
    operations = OwnOperations(Console(), Wish(options.cluster), Checkout())
    try:
        _run(operations, options)
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "interrupted: `make up` continues from here, `make down` removes what was created\n"
        )
        return INTERRUPTED
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m cloche_cluster",
        description="Start a Kubernetes cluster, build Cloche's images, and install Cloche.",
    )
    top.add_argument(
        "--cluster",
        choices=[wish.value for wish in Wish],
        default=Wish.AUTO.value,
        help="auto (default): the cluster of the current context if it is a kind or minikube "
        "cluster and responds; else kind if Docker responds and kind is installed; else embedded. "
        "current: the cluster of the current context, of any kind.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser(
        "up", help="start a cluster and install Cloche, or update what changed"
    )
    up.add_argument("--bare", action="store_true", help="start only the cluster, without Cloche")
    up.add_argument(
        "--languages",
        default="",
        metavar="NAMES",
        help="install only these, e.g. python,bash, now and in later runs; all: every language",
    )
    commands.add_parser(
        "doctor",
        help="check this machine for problems that would stop up; exits with 1 if there are any",
    )
    commands.add_parser("down", help="remove what up created, and list it")
    commands.add_parser("status", help="show the state of the cluster, its Pods and the release")
    languages = commands.add_parser(
        "languages", help="list the languages, and whether each is available"
    )
    languages.add_argument(
        "--require-all", action="store_true", help="print nothing, and fail if one is not available"
    )
    commands.add_parser("images", help="build the images and load them into the cluster")
    commands.add_parser("sbom", help="write an SBOM of each image into .cloche/sbom")
    key = commands.add_parser("key", help="create an API key and print it once")
    key.add_argument("name", help="the key's name")
    key.add_argument("--tenant", help="the tenant that it acts for (default: the key's name)")
    key.add_argument("--rate", help="executions per minute (default: the installation's, 100)")
    key.add_argument(
        "--concurrency", help="executions at a time; others wait (default: the installation's, 50)"
    )
    key.add_argument("--expires", help="its lifetime: 90m, 12h, 30d (default: unlimited)")
    key.add_argument("--replace", action="store_true", help="replace the key of that name")
    _add_runtimes(commands)
    commands.add_parser("clean-cache", help="remove the programs and images that down keeps")
    return top


def _add_runtimes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    runtime = commands.add_parser("runtime", help="build and install a runtime with own packages")
    runtime.add_argument("name", help="the runtime's name")
    runtime.add_argument(
        "--from", dest="base", default="", metavar="LANGUAGE", help="the language that it extends"
    )
    for kind in KINDS:
        runtime.add_argument(f"--{kind}", default="", metavar="PACKAGES")
    runtime.add_argument(
        "--update",
        action="store_true",
        help="lock the present versions instead of the earlier ones",
    )
    commands.add_parser("runtimes", help="list the runtimes with own packages")
    remove = commands.add_parser("runtime-remove", help="remove a runtime with own packages")
    remove.add_argument("name", help="the runtime's name")


def _run(operations: OwnOperations, options: argparse.Namespace) -> None:
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
        case "clean-cache":
            operations.clean_cache()
        case _:
            _run_own(operations, options)


def _run_own(operations: OwnOperations, options: argparse.Namespace) -> None:
    match options.command:
        case "runtime":
            texts = {kind: getattr(options, kind) for kind in KINDS}
            operations.runtime(options.name, options.base, texts, update=options.update)
        case "runtimes":
            operations.runtimes()
        case _:
            operations.runtime_remove(options.name)


def _interrupt(signum: int, frame: object) -> NoReturn:
    """Terminate all child processes, then this one. SIGTERM is handled like Ctrl-C."""
    del signum, frame
    end_children()
    raise KeyboardInterrupt

"""The commands and their options."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from cloche_client.cli.output import FORMATS
from cloche_client.version import __version__

_EXIT_CODES = """exit codes:
  the program's own   if it ended by itself; 128 + n if signal n ended it
  2    a mistake in the command line, the settings or a file
  122  the server is busy, or the key's rate is exceeded
  123  the key is missing or not valid
  124  the program exceeded its timeout
  125  Cloche could not run the program
  130  interrupted; the execution was cancelled
"""
_USUAL_COLUMNS = 80
_RUN = """examples:
  cloche run hello.py
  cloche run -c 'print(2 + 2)'
  cloche run sum.py -- --verbose 1 2 3
  cat table.csv | cloche run stats.py
  cloche run plot.py --file table.csv --output-file plot.png

"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse would import shutil for that, even without help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """Return the width of the terminal, as shutil.get_terminal_size does."""
    text = os.environ.get("COLUMNS", "")
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    if sys.__stdout__ is None:
        return _USUAL_COLUMNS
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL_COLUMNS
    except (ValueError, OSError):  # not a terminal
        return _USUAL_COLUMNS


class Parser(argparse.ArgumentParser):
    """A parser whose errors say what to do."""

    def error(self, message: str) -> NoReturn:
        """Write the error and exit with 2."""
        self.exit(2, f"{self.prog}: {message}\nSee `{self.prog} --help`.\n")


def parser(program: str) -> Parser:
    """Return the parser of `cloche` or `kubectl cloche`."""
    top = Parser(
        prog=program,
        description="Run programs in Cloche's sandboxes.",
        epilog=f"{_EXIT_CODES}\nSettings: --url and --api-key-file, else CLOCHE_URL and "
        "CLOCHE_API_KEY,\nelse ~/.config/cloche/config.toml.",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"cloche-client {__version__}")
    _connection(top, argparse.SUPPRESS)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    _programs(commands)
    _executions(commands)
    _sessions(commands)
    _keys(commands)
    _others(commands)
    return top


def _command(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    action: str,
    text: str,
    epilog: str = "",
) -> Parser:
    """Add a command. `action` is its module in this package and its function."""
    made = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    made.set_defaults(action=action)
    _connection(made, argparse.SUPPRESS)
    return made


def _connection(to: Parser, default: str) -> None:
    group = to.add_argument_group("connection")
    group.add_argument("--url", metavar="URL", default=default, help="URL of the gateway")
    group.add_argument(
        "--api-key-file", metavar="FILE", default=default,
        help="file with the API key; `-` reads it from standard input",
    )  # fmt: skip
    group.add_argument(
        "--ca-file", metavar="FILE", default=default,
        help="certificates to trust instead of the system's",
    )  # fmt: skip
    group.add_argument(
        "--profile", metavar="NAME", default=default,
        help="profile of the configuration file, instead of the environment",
    )  # fmt: skip


def _output(to: Parser, text: str = "format of the answer") -> None:
    to.add_argument("-o", "--output", choices=FORMATS, default=None, help=text)


def _programs(commands: argparse._SubParsersAction[Parser]) -> None:
    run = _command(
        commands, "run", "run:run", "run a program and exit as it exits", _RUN + _EXIT_CODES
    )
    _program(run)
    run.add_argument("--session", metavar="ID", help="session to run in, or a label")


def _program(to: Parser) -> None:
    to.add_argument("path", nargs="?", metavar="FILE", help="the program; `-` is standard input")
    to.add_argument(
        "-c", dest="code", metavar="CODE", help="the program as text; Python by default"
    )
    to.add_argument("-l", "--language", metavar="NAME", help="default: by the suffix or `#!` line")
    to.add_argument("--entry", metavar="NAME", help="another way to run it, such as pytest")
    to.add_argument("-t", "--timeout", metavar="SECONDS", type=_positive, help="default 30")
    to.add_argument("--compile-timeout", metavar="SECONDS", type=_positive)
    to.add_argument(
        "-f", "--file", metavar="[NAME=]PATH", action="append", default=[],
        help="file or directory to send; may be repeated",
    )  # fmt: skip
    to.add_argument(
        "--output-file", metavar="PATTERN", action="append", default=[],
        help="file to fetch when the program has ended; may be repeated",
    )  # fmt: skip
    _saved(to)
    to.add_argument(
        "-e", "--env", metavar="NAME[=VALUE]", action="append", default=[],
        help="environment variable; without a value, that of this environment",
    )  # fmt: skip
    to.add_argument("--no-stdin", action="store_true", help="do not pass standard input on")
    to.add_argument("--ttl", metavar="SECONDS", type=int, help="how long its record is kept")
    to.add_argument("-d", "--detach", action="store_true", help="print its id and do not wait")
    _resources(to)
    _output(to, "write the result as data instead of the output as it comes")


def _saved(to: Parser) -> None:
    to.add_argument(
        "--output-dir", metavar="DIR", default=".", help="where fetched files are written"
    )
    to.add_argument(
        "--overwrite", action="store_true",
        help="replace files also if only a pattern with `*`, `?` or `[` matches them",
    )  # fmt: skip


def _resources(to: Parser) -> None:
    to.add_argument("--cpu", metavar="CORES", type=_positive)
    to.add_argument("--memory", metavar="MIB", type=int)
    to.add_argument("--disk", metavar="MIB", type=int)


def _executions(commands: argparse._SubParsersAction[Parser]) -> None:
    ps = _command(commands, "ps", "executions:ps", "list executions, newest first")
    ps.add_argument("--language", metavar="NAME")
    ps.add_argument("--status", choices=("pending", "running", "completed", "failed", "cancelled"))
    ps.add_argument("--session", metavar="ID", help="a session or a label")
    ps.add_argument("--limit", metavar="N", type=_count, default=20, help="default 20")
    ps.add_argument("--all", action="store_true", help="all of them")
    _output(ps)
    logs = _command(commands, "logs", "executions:logs", "print the output of an execution")
    logs.add_argument("id", metavar="ID")
    logs.add_argument(
        "-f", "--follow", action="store_true", help="until it has ended, and exit as it exits"
    )
    _output(logs)
    cancel = _command(commands, "cancel", "executions:cancel", "cancel executions")
    cancel.add_argument("ids", metavar="ID", nargs="+")
    _output(cancel)


def _sessions(commands: argparse._SubParsersAction[Parser]) -> None:
    inner = _group(commands, "session", "keep files from one program to the next")
    create = _command(inner, "create", "sessions:create", "create a session and print its id")
    create.add_argument("-l", "--language", metavar="NAME", help="default: python")
    create.add_argument(
        "--stateful", action="store_true", help="keep the interpreter: each program is a cell"
    )
    _times(create)
    _resources(create)
    _output(create)
    _output(_command(inner, "list", "sessions:list_all", "list sessions"))
    show = _command(inner, "show", "sessions:status", "show a session")
    show.add_argument("session", metavar="ID")
    _output(show)
    extend = _command(inner, "extend", "sessions:extend", "change how long a session lasts")
    extend.add_argument("session", metavar="ID")
    _times(extend)
    _output(extend)
    run = _command(inner, "run", "sessions:run_in", "run a program in a session", _EXIT_CODES)
    run.add_argument("session", metavar="ID")
    _program(run)
    upload = _command(inner, "upload", "sessions:upload", "send files to a session")
    upload.add_argument("session", metavar="ID")
    upload.add_argument("paths", metavar="PATH", nargs="+")
    download = _command(inner, "download", "sessions:download", "fetch files from a session")
    download.add_argument("session", metavar="ID")
    download.add_argument("patterns", metavar="PATTERN", nargs="+")
    _saved(download)
    restart = _command(
        inner, "restart", "sessions:restart", "start the interpreter of a stateful session anew"
    )
    restart.add_argument("session", metavar="ID")
    end = _command(inner, "end", "sessions:end", "end sessions and delete their files")
    end.add_argument("ids", metavar="ID", nargs="+")


def _times(to: Parser) -> None:
    to.add_argument("--idle-timeout", metavar="SECONDS", type=_count, help="default 600")
    to.add_argument("--lifetime", metavar="SECONDS", type=_count, help="default 3600")


def _keys(commands: argparse._SubParsersAction[Parser]) -> None:
    inner = _group(commands, "key", "manage API keys, with the rights of kubectl")
    create = _command(inner, "create", "keys:create", "create a key and print it once")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--tenant", metavar="NAME", help="owner of what it runs; default: NAME")
    create.add_argument("--rate", metavar="N", type=_count, help="executions per minute")
    create.add_argument("--concurrency", metavar="N", type=_count, help="executions at a time")
    create.add_argument("--expires", metavar="TIME", help="lifetime, such as 90m, 12h or 30d")
    listed = _command(inner, "list", "keys:list_all", "list keys, without their texts")
    _output(listed)
    revoke = _command(inner, "revoke", "keys:revoke", "delete keys")
    revoke.add_argument("names", metavar="NAME", nargs="+")
    for one in (create, listed, revoke):
        _cluster(one)


def _cluster(to: Parser) -> None:
    group = to.add_argument_group("cluster")
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    group.add_argument("-n", "--namespace", metavar="NAME", default="cloche-system",
                       help="namespace of the gateway; default: cloche-system")  # fmt: skip


def _others(commands: argparse._SubParsersAction[Parser]) -> None:
    languages = _command(commands, "languages", "about:languages", "list the installed languages")
    _output(languages)
    doctor = _command(
        commands, "doctor", "doctor:doctor", "check the connection step by step, and run a program"
    )
    _output(doctor)
    page = _command(commands, "open", "about:open_page", "open the playground in a browser")
    page.add_argument("--print", action="store_true", help="print its URL only")
    _command(commands, "mcp", "mcp:serve", "serve MCP over stdio, for clients without HTTP")
    completion = _command(
        commands, "completion", "completion:script", "print a completion script for a shell"
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    version = _command(commands, "version", "about:version", "print the versions")
    _output(version)


def _group(
    commands: argparse._SubParsersAction[Parser], name: str, text: str
) -> argparse._SubParsersAction[Parser]:
    made = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", formatter_class=_Help
    )
    return made.add_subparsers(
        title="commands", metavar="COMMAND", dest="subcommand", required=True
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:  # noqa: PLR2004  also refuses nan and inf
        raise argparse.ArgumentTypeError(f"{text} must be a positive number")
    return value


_positive.__name__ = "number"


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return value


_count.__name__ = "number"

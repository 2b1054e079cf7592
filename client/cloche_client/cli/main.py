"""The entry points `cloche` and `kubectl cloche`."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from cloche_client.cli import exits
from cloche_client.cli.context import Context
from cloche_client.cli.parser import parser
from cloche_client.errors import ClocheError, UrlMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

_TAKES_ARGUMENTS = frozenset({"run:run", "sessions:run_in"})
_WITHOUT_GATEWAY = frozenset({"keys", "completion"})
"""Modules that `kubectl cloche` calls without a port-forward."""


class _InterruptedError(KeyboardInterrupt):
    """A signal that ends the command."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main() -> NoReturn:
    """Run `cloche` and exit."""
    sys.exit(call(sys.argv[1:], "cloche"))


def kubectl_main() -> NoReturn:
    """Run `kubectl cloche` and exit. kubectl finds this program by its name."""
    sys.exit(call(sys.argv[1:], "kubectl cloche"))


def call(words: Sequence[str], program: str) -> int:  # noqa: PLR0911  one for each kind of end
    """Return the exit code of a command line without its first word."""
    if words[:1] == ["__complete"]:
        from cloche_client.cli.commands import completion  # noqa: PLC0415  only for completion

        return completion.candidates(parser("cloche"), list(words[1:]))
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:  # as with nohup
            signal.signal(number, _interrupt)
    context = _context(words, program)
    try:
        return _action(context)
    except _InterruptedError as error:
        return 128 + error.number
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        # Python would flush standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.BROKEN_PIPE
    except ClocheError as error:
        context.note(_in_one_line(str(error)))
        return exits.code_of(error)
    except OSError as error:
        context.note(f"{error.strerror or error}")
        return exits.FAILED


def _context(words: Sequence[str], program: str) -> Context:
    """Parse a command line. Exits with 2 if it is wrong."""
    own, arguments = list(words), list[str]()
    if "--" in own:
        at = own.index("--")
        own, arguments = own[:at], own[at + 1 :]
    parse = parser(program)
    options, unknown = parse.parse_known_args(own)
    action = getattr(options, "action", None)
    if action is None:
        parse.print_help(sys.stderr)
        sys.exit(exits.USAGE)
    if unknown:
        hint = " (the program's arguments come after `--`)" if action in _TAKES_ARGUMENTS else ""
        parse.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if arguments and action not in _TAKES_ARGUMENTS:
        parse.error("this command takes nothing after `--`")
    for name in ("url", "api_key_file", "ca_file", "profile"):
        if not hasattr(options, name):
            setattr(options, name, None)
    return Context(options, arguments, program)


def _action(context: Context) -> int:
    """Call the function of the command, whose module is imported only now."""
    import importlib  # noqa: PLC0415  as late as the module

    module, _, name = context.options.action.partition(":")
    action: Callable[[Context], int] = getattr(
        importlib.import_module(f"cloche_client.cli.commands.{module}"), name
    )
    if context.program == "cloche" or module in _WITHOUT_GATEWAY or _has_url(context):
        return action(context)
    from cloche_client.cli.kubectl import forwarded  # noqa: PLC0415  only without a URL

    with forwarded() as context.forwarded:
        return action(context)


def _has_url(context: Context) -> bool:
    try:
        context.settings()
    except UrlMissingError:
        return False
    except ClocheError:
        return True  # the command reports it
    return True


def _in_one_line(text: str) -> str:
    """Return a message without control characters: parts of it come from the server."""
    return "".join(char if char.isprintable() else " " for char in text)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise _InterruptedError(number)

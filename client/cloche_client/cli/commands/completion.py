"""Completion for shells: their scripts, and the words that they ask for.

A script calls `cloche __complete WORD…` with the words up to the cursor. Options and commands come
from the parser, so that the scripts do not change with it.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

_BASH = """\
_cloche() {
    local IFS=$'\\n'
    COMPREPLY=($(cloche __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${COMPREPLY[0]} == : ]] && COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _cloche cloche
"""
_ZSH = """\
#compdef cloche
_cloche() {
    local -a found
    found=("${(@f)$(cloche __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ $found[1] == : ]]; then _files; else compadd -- $found; fi
}
compdef _cloche cloche
"""
_FISH = """\
function __cloche
    set -l words (commandline -opc) (commandline -ct)
    set -l found (cloche __complete $words[2..-1] 2>/dev/null)
    if test "$found[1]" = ":"
        __fish_complete_path (commandline -ct)
    else
        string join \\n -- $found
    end
end
complete -c cloche -f -a '(__cloche)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
FILES = ":"
"""The answer where a path is expected."""


def script(context: Context) -> int:
    """Print the script for a shell."""
    context.write(_SCRIPTS[context.options.shell])
    return 0


def candidates(parser: argparse.ArgumentParser, words: list[str]) -> int:
    """Print what can replace the last of the words, one per line."""
    sys.stdout.write("".join(f"{one}\n" for one in found(parser, words)))
    return 0


def found(parser: argparse.ArgumentParser, words: list[str]) -> list[str]:
    """Return what can replace the last of the words. `FILES` means a path."""
    *before, last = words or [""]
    if "--" in before:
        return [FILES]
    expected: argparse.Action | None = None
    for word in before:
        if expected is not None:
            expected = None
            continue
        inner = _commands(parser).get(word)
        if inner is not None:
            parser = inner
        elif word.startswith("-"):
            action = _options(parser).get(word)
            expected = action if action is not None and action.nargs != 0 else None
    if expected is not None:
        choices = [str(one) for one in expected.choices or ()]
        return [one for one in choices if one.startswith(last)] or [FILES]
    if last.startswith("-"):
        names = [name for name in _options(parser) if name.startswith("--")]
    else:
        positional = [one for one in parser._actions if not one.option_strings]  # noqa: SLF001
        names = [str(one) for action in positional for one in action.choices or ()]
        if not names:
            return [FILES]
    return sorted(name for name in names if name.startswith(last))


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001  argparse has no public access to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def _options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {
        name: action
        for action in parser._actions  # noqa: SLF001
        for name in action.option_strings
    }

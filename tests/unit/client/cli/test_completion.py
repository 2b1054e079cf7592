"""What the shells' completion offers."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from cloche_client.cli.commands import completion
from cloche_client.cli.parser import parser

FILES = [completion.FILES]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ru"], ["run"]),
        (["session", "e"], ["end", "extend"]),
        (["key", "cr"], ["create"]),
        (["run", ""], FILES),
        (["run", "--out"], ["--output", "--output-dir", "--output-file"]),
        (["ps", "-o", ""], ["table", "json", "yaml", "raw"]),
        (["ps", "--status", "c"], ["completed", "cancelled"]),
        (["--url", "http://x", "lan"], ["languages"]),
        (["run", "x.py", "--", ""], FILES),
        (["completion", "z"], ["zsh"]),
        (["nonsense", "--v"], ["--version"]),
    ],
)
def test_the_words_up_to_the_cursor_decide(words: list[str], found: list[str]) -> None:
    assert completion.found(parser("cloche"), words) == found


def test_without_a_word_all_commands_are_offered() -> None:
    assert {"run", "ps", "logs", "cancel", "doctor"} <= set(completion.found(parser("cloche"), []))


def test_the_script_for_bash_is_valid_and_completes() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = completion._BASH + (
        'cloche() { [[ "$1 $2" == "__complete ru" ]] && echo run; }\n'
        'COMP_WORDS=(cloche ru); COMP_CWORD=1; _cloche; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("run\n", "")

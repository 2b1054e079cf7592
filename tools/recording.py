"""Record a terminal session on the running installation as SVG: `make recording`.

The commands are run, and their output appears in the picture with the delays that were measured.
The animation runs once. Its last frame, and the picture without animation, is the whole session.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "recording.svg"

COLUMNS = 122
_COLUMN, _LINE, _MARGIN = 8.43, 19, 16
"""Pixels of a character and of a line at 14 px, and around the text."""
_READING_SECONDS = 1.5
"""Between the end of a command's output and the next command."""

_PRELUDE = """\
set -euo pipefail
set -a; . .cloche/env; set +a
export PATH="$PWD/.cloche/bin:$PATH"
"""
_POST = """\
curl -sS "$CLOCHE_URL/api/v1/execute" \\
  -H "X-API-Key: $CLOCHE_API_KEY" -H "Content-Type: application/json" \\
  -d '{"language": "python", "code": "%s"%s}'"""
COMMANDS = (
    _POST % ("print(2 + 2)", ""),
    _POST % ("while True: pass", ', "timeout": 2'),
    _POST % ("import socket, sys; sys.tracebacklimit = 0; socket.socket()", ""),
    "kubectl get sbx -n cloche-sandboxes --sort-by=.metadata.creationTimestamp | tail -n 3",
)


@dataclass(frozen=True)
class Line:
    """A line of the terminal, and when it appears."""

    text: str
    seconds: float
    typed: bool = False


def record(commands: tuple[str, ...] = COMMANDS, prelude: str = _PRELUDE) -> list[Line]:
    """Run the commands and return the session. Raises subprocess.CalledProcessError."""
    lines: list[Line] = []
    now = 0.0
    for command in commands:
        lines += [Line(text, now, typed=True) for text in f"$ {command}".splitlines()]
        began = time.monotonic()
        with subprocess.Popen(
            ["bash", "-c", prelude + command], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            for text in process.stdout or ():
                at = now + time.monotonic() - began
                lines += [Line(part, at) for part in _folded(text.rstrip("\n"))]
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        now += time.monotonic() - began + _READING_SECONDS
    return lines


def _folded(text: str) -> list[str]:
    """Return what a terminal of COLUMNS columns shows of a line."""
    return textwrap.wrap(
        text, COLUMNS, drop_whitespace=False, break_on_hyphens=False, replace_whitespace=False
    ) or [""]


def picture(lines: list[Line]) -> str:
    """Return the session as an SVG file."""
    width, height = COLUMNS * _COLUMN + 2 * _MARGIN, len(lines) * _LINE + 2 * _MARGIN
    rows = "\n".join(
        f'<text x="{_MARGIN}" y="{_MARGIN + 14 + number * _LINE}"'
        f' class="{"typed" if line.typed else "printed"}"'
        f' style="animation-delay:{line.seconds:.2f}s">{escape(line.text)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        ' xml:space="preserve"'
        ' aria-label="A terminal session: programs run with curl, and listed with kubectl">\n'
        "<style>\n"
        "text { font: 14px ui-monospace, monospace; white-space: pre; fill: #d6dde5;"
        " animation: appear 0.01s linear both; }\n"
        ".typed { fill: #7ee2a8; }\n"
        "@keyframes appear { from { opacity: 0; } to { opacity: 1; } }\n"
        "@media (prefers-reduced-motion) { text { animation: none; } }\n"
        "</style>\n"
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#17202a"/>\n'
        f"{rows}\n</svg>\n"
    )


def main() -> int:
    """Write the picture; 1 if a command failed."""
    try:
        PICTURE.write_text(picture(record()), encoding="utf-8")
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"error: {error.cmd}: exit status {error.returncode}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

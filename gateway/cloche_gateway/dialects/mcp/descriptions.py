"""What models read: the descriptions of the server and of its tools.

A model knows nothing else of Cloche. So they name what a program finds, what is not there, and what
to do instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.cluster.languages import Language

_KIB, _MINUTE = limits.KIB, 60

INSTRUCTIONS = (
    "Cloche runs programs in isolated sandboxes without internet access. Use execute_code to "
    "calculate, analyse data, draw plots, and test code before you show it. Each call starts with "
    "empty files and fresh variables. To keep files from one call to the next, create a session "
    "with create_session, pass its session_id to execute_code, and end it with end_session."
)

_PACKAGES = {
    "python": "numpy, scipy, pandas, sklearn, statsmodels, sympy, networkx, shapely, matplotlib, "
    "seaborn, PIL, openpyxl, xlsxwriter, docx, reportlab, pypdf, lxml, bs4, yaml, jinja2, pytest, "
    "pydantic, sqlalchemy, cryptography, flask",
    "javascript": "ajv, async, big.js, chai, chalk, commander, iconv-lite, immutable, js-yaml, "
    "lodash, luxon, marked, moment",
}
"""The packages that programs import most, by language (docs/user/languages.md has all)."""

_EXECUTE = f"""\
Run a program in a new sandbox and return its stdout, its stderr and its exit code.

Only what the program prints and the files named in output_files come back, so print every value \
that you need: the value of a last expression is shown only in a session with stateful.
Each call is independent. Files, variables and processes do not survive it. Only files survive, \
and only in a session (see create_session).
There is no internet access, and packages cannot be installed. Sockets on localhost work between \
the processes of one program. There is no keyboard: give all input in stdin, args or files.
Files: `files` are written to the working directory before the program starts. Write results there \
(or to /tmp) and name them in output_files, for example ["plot.png", "out/*.csv"]. PNG, JPEG, GIF \
and WebP files come back as images. Save plots to a file instead of showing them.
Limits: timeout {limits.TIMEOUT_SECONDS_DEFAULT} s by default and at most \
{limits.TIMEOUT_SECONDS_MAX} s, including compilation; code and stdin {limits.CODE_BYTES // _KIB} \
KiB each; files {limits.FILES_BYTES // _KIB} KiB in total; stdout and stderr \
{limits.STDOUT_BYTES // _KIB} KiB each, the rest is cut; returned files \
{limits.OUTPUT_FILES_BYTES // _KIB} KiB in total. Memory is 512 MiB unless the administrator \
changed it.
A program that fails is not an error of this tool: look at exit_code and stderr."""

SESSION = f"""\
Create a session: a sandbox whose files in the working directory and in /tmp survive from one \
execute_code call to the next. Variables and processes do not survive, and each call starts the \
language anew, unless stateful is "interpreter" (python, javascript): then each call is a cell of \
one interpreter, which keeps variables and imports, can await at top level, and shows the value \
of the last expression and open figures. Such calls take no stdin and no args. Use it for \
work in several steps.
A session ends by itself after {limits.SESSION_IDLE_SECONDS_DEFAULT // _MINUTE} minutes without a \
call (idle_timeout) and at the latest after {limits.SESSION_LIFETIME_SECONDS_DEFAULT // _MINUTE} \
minutes (lifetime). Its files are then lost, so bring back what you need with output_files. All \
calls in it use its language. It occupies a sandbox: end it with end_session when you are done."""

END = "End a session and delete its files. A program that still runs in it is stopped."

LANGUAGES = (
    "List the languages of execute_code with their versions and aliases. The description of "
    "execute_code has the same languages."
)


def execute_code(languages: Sequence[Language]) -> str:
    """Return the description of `execute_code`, with the installed languages."""
    known = [f"{one.name} {one.version}" if one.version else one.name for one in languages]
    lines = [_EXECUTE, f"Languages: {', '.join(known) or 'none is installed'}."]
    names = {one.name for one in languages}
    for name, packages in _PACKAGES.items():
        if name in names:
            lines.append(
                f"Packages of {name} besides its standard library, among others: {packages}."
            )
    return "\n".join(lines)

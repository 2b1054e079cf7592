"""Jobe: the sandbox of Moodle's question type CodeRunner, and of other course systems.

The contract is that of Jobe 2: https://github.com/trampgeek/jobe.
"""

from __future__ import annotations

from cloche_gateway.dialects.jobe import files, languages, runs

ROUTERS = (runs.router, languages.router, files.router)

"""Wait for the program's environment, then execute the command line in the arguments, that of psql.

The server is running. The message comes in the first bytes of standard input
(docs/design/prestart.md). Arguments are ignored, as in a start without a waiting process.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Read the message and execute the command line."""
    environment = dict(os.environb)
    del environment[b"CLOCHE_PRESTART"]
    words = _take(int.from_bytes(_take(4), "big")).split(b"\0")[:-1]
    for word in words[1 + int(words[0]) :]:
        name, _, value = word.partition(b"=")
        environment[name] = value
    os.execve(sys.argv[1], sys.argv[1:], environment)  # noqa: S606 - no shell is wanted


def _take(length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = os.read(0, length - len(data))
        if not part:
            os._exit(0)  # there is no program for this process
        data += part
    return data


main()

"""Wait before main.py for the arguments and the environment of the program.

Python imports this at its start, because the directory is in PYTHONPATH, and opens main.py after
it. The message comes in the first bytes of standard input (docs/design/prestart.md).
"""


def _wait() -> None:
    import os
    import sys

    def take(length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = os.read(0, length - len(data))
            if not part:
                os._exit(0)  # there is no program for this process
            data += part
        return data

    words = os.fsdecode(take(int.from_bytes(take(4), "big"))).split("\0")[:-1]
    end = 1 + int(words[0])
    sys.argv[1:] = words[1:end]
    sys.orig_argv[2:] = words[1:end]
    here = os.path.dirname(__file__)
    sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    del os.environ["PYTHONPATH"]
    for word in words[end:]:
        name, _, value = word.partition("=")
        os.environ[name] = value
        if name == "TZ":
            import time

            time.tzset()


_wait()
# To `site`, this means that there is no sitecustomize, and nothing of it is left in sys.modules.
raise ImportError(name="sitecustomize")

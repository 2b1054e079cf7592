"""What the programs share: try something, and say in one word what came of it."""

import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)


def word(error):
    """The name of an error: EACCES, or its class where it has no number."""
    return errno.errorcode.get(getattr(error, "errno", None), type(error).__name__)


def outcome(function, *args):
    """DONE, or the error's name."""
    try:
        function(*args)
    except (OSError, ValueError) as error:
        return word(error)
    return "DONE"


def attempt(function, *args):
    """Print the outcome."""
    print(outcome(function, *args), flush=True)


def call(name, *args):
    """A function of the C library that returns -1 when it fails."""
    if getattr(libc, name)(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def write(path, text="1"):
    """Write to a file that is there."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read(path):
    """Read the beginning of a file."""
    with open(path, "rb") as file:
        return file.read(4096)

"""An address outside the Pod, and raw calls with addresses."""

import ctypes
import os
import socket

from attack import libc

HOST, PORT = os.environ["CLUSTER_DNS"].rsplit(":", 1)
OUTSIDE = (HOST, int(PORT))


def packed(host, port):
    """A sockaddr_in."""
    family = socket.AF_INET.to_bytes(2, "little")
    return family + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


def number(result):
    """The result of a call, or its error's number, negative."""
    return -ctypes.get_errno() if result < 0 else result


def flipped(where, first, second, stop):
    """Change the memory between two contents until told to stop."""
    while not stop:
        ctypes.memmove(where, first, len(first))
        ctypes.memmove(where, second, len(second))


__all__ = ["OUTSIDE", "flipped", "libc", "number", "packed"]

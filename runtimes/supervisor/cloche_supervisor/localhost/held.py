"""The sockets that the supervisor has made for a program and may still have to bind or connect.

Each is bound to the interface `lo` before the program gets it, and a program cannot change that. So
the kernel sends nothing from it to another interface. A datagram socket has two exceptions, which
is why it is muted until it is needed (datagrams.py): IP_PKTINFO in a message names an interface,
and a disconnect ends the binding.
"""

from __future__ import annotations

import _socket
import errno
import os

from cloche_supervisor.localhost.address import refused
from cloche_supervisor.system import linux

MOST_HELD = 256
"""Sockets for which the supervisor keeps a descriptor. The oldest is closed for another one; a
program with more cannot bind or connect it any more."""
MOST_MADE = 32_768
"""Sockets of one program. A closed TCP connection takes kernel memory for a minute, which is not
charged to the Pod; this bounds it to some MiB."""
_INTERFACE = b"lo\0"
_MOST_NAMES = 100_000


class Socket:
    """A socket that the program has, and the supervisor's descriptor of it."""

    def __init__(self, own: _socket.socket, *, muted: bool = False) -> None:
        self.own = own
        self.fd = own.fileno()
        self.inode = os.fstat(self.fd).st_ino
        self.muted = muted
        """Whether it is a datagram socket that neither sends nor receives."""

    @property
    def is_stream(self) -> bool:
        """Whether it is a TCP socket."""
        return self.own.type == _socket.SOCK_STREAM

    @property
    def only_ipv6(self) -> bool:
        """Whether it refuses IPv4 addresses."""
        ipv6 = self.own.family == _socket.AF_INET6
        return ipv6 and bool(self.own.getsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY))

    def confine(self) -> None:
        """Bind it to `lo` again, if a disconnect has ended that.

        Raises:
            OSError: it cannot be bound.
        """
        option = _socket.SOL_SOCKET, _socket.SO_BINDTODEVICE
        if self.own.getsockopt(*option, 16) != _INTERFACE:
            _confine(self.own)

    @property
    def state(self) -> int:
        """The state of a TCP socket, numbered as in <net/tcp_states.h>."""
        return self.own.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, 1)[0]


def loopback_socket(family: int, kind: int) -> _socket.socket:
    """Return a new, blocking socket that is bound to the interface `lo`."""
    own = _socket.socket(family, kind)
    try:
        _confine(own)
    except OSError:
        own.close()
        raise
    return own


def _confine(own: _socket.socket) -> None:
    """Bind a socket to `lo`. A bound socket needs privileges to be bound to another interface."""
    own.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, _INTERFACE)


class Sockets:
    """The held sockets of one program, by inode. A held socket's inode cannot become another's."""

    def __init__(self) -> None:
        self._held: dict[int, Socket] = {}
        self._made = 0

    def make(self, family: int, kind: int) -> Socket:
        """Make a socket for the program. A datagram socket is muted.

        Raises:
            OSError: the program has made too many.
        """
        if self._made >= MOST_MADE:
            raise refused(errno.ENFILE)
        self._made += 1
        own = loopback_socket(family, kind)
        muted = kind == _socket.SOCK_DGRAM
        if muted:
            linux.mute(own.fileno())
        return self.hold(Socket(own, muted=muted))

    def hold(self, socket: Socket) -> Socket:
        """Keep a socket."""
        while len(self._held) >= MOST_HELD:
            self.drop(next(iter(self._held)))
        self._held[socket.inode] = socket
        return socket

    def get(self, inode: int) -> Socket | None:
        """Return the held socket with this inode."""
        return self._held.get(inode)

    def drop(self, inode: int) -> None:
        """Close the supervisor's descriptor, so that the program's last close ends the socket."""
        socket = self._held.pop(inode, None)
        if socket is not None:
            socket.own.close()

    def drop_closed(self) -> None:
        """Drop the sockets that no process of the program has open any more."""
        left = _MOST_NAMES
        unseen = set(self._held)
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            if pid == str(os.getpid()):
                continue
            try:
                names = os.listdir(f"/proc/{pid}/fd")
            except OSError:  # it has ended, or its calls are refused because it is not dumpable
                continue
            left -= len(names)
            if left < 0:
                return
            unseen -= {_inode(f"/proc/{pid}/fd/{name}") for name in names}
        for inode in unseen:
            self.drop(inode)

    def clear(self) -> None:
        """Drop all sockets, and count anew."""
        for inode in list(self._held):
            self.drop(inode)
        self._made = 0


def _inode(path: str) -> int:
    try:
        kind, _, inode = os.readlink(path).partition(":[")
    except OSError:
        return 0
    return int(inode[:-1]) if kind == "socket" else 0

"""Which calls on other sockets (AF_UNIX) the kernel may make itself.

The supervisor cannot make them: it has no descriptor of these sockets. When the kernel continues a
call it reads the arguments again, so a program that changes them in time can make this call on any
of its sockets with any address. The binding to `lo` holds against that, with two exceptions:

- a datagram socket that can send: IP_PKTINFO and a disconnect lead around the binding;
- `bind` on an IPv6 socket: the scope of a link-local address replaces the binding.

So a program gets either these sockets, or these calls: whichever it uses first.
"""

from __future__ import annotations

import errno

from cloche_supervisor.localhost.address import refused


class Exclusions:
    """What a program has used so far."""

    def __init__(self) -> None:
        self._sends = False
        self._ipv6 = False
        self._continued = False
        self._bound = False

    def use_datagrams(self) -> None:
        """Note that the program gets a datagram socket that can send.

        Raises:
            OSError: EACCES, because the kernel has continued a call.
        """
        if self._continued:
            raise refused(errno.EACCES)
        self._sends = True

    def use_ipv6(self) -> None:
        """Note that the program gets an IPv6 stream socket.

        Raises:
            OSError: EAFNOSUPPORT, after which callers use IPv4.
        """
        if self._bound:
            raise refused(errno.EAFNOSUPPORT)
        self._ipv6 = True

    def continue_call(self, *, binds: bool = False) -> None:
        """Note that the kernel continues a call.

        Raises:
            OSError: EACCES, because the program has a socket for which that is not safe.
        """
        if self._sends or (binds and self._ipv6):
            raise refused(errno.EACCES)
        self._continued = True
        self._bound = self._bound or binds

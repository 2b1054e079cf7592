"""Datagram sockets (UDP).

A new one is muted: it cannot send, because its sending side is shut down, and a filter drops what
it receives. Linux undoes neither. Such a socket is enough for what C libraries do to sort
addresses, which is to connect it and to read its own address. When it is bound, or used towards a
port that the program has bound, another socket takes its place that works.
"""

from __future__ import annotations

import _socket
import errno
import os
import struct

from cloche_supervisor.localhost import address
from cloche_supervisor.localhost.held import Socket, loopback_socket
from cloche_supervisor.system import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.localhost.caller import Caller
    from cloche_supervisor.localhost.exclusions import Exclusions
    from cloche_supervisor.localhost.held import Sockets
    from cloche_supervisor.localhost.notifications import Call, Listener

_MOST_BYTES = 65_535
_MOST_PARTS = 1024  # UIO_MAXIOV
_MOST_MESSAGES = 64
_MESSAGE = struct.Struct("=QI4xQQQQi4x")  # struct msghdr on 64-bit machines
_MESSAGE_BYTES = _MESSAGE.size + 8  # struct mmsghdr: and the number of bytes sent
_PART = struct.Struct("=QQ")  # struct iovec
_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_COPIED = (
    (_socket.SOL_SOCKET, _socket.SO_REUSEADDR),
    (_socket.SOL_SOCKET, _socket.SO_REUSEPORT),
    (_socket.SOL_SOCKET, _socket.SO_BROADCAST),
    (_socket.SOL_SOCKET, _socket.SO_RCVTIMEO),
    (_socket.SOL_SOCKET, _socket.SO_SNDTIMEO),
)
_TIME_BYTES = 16

Parts = list[tuple[int, int]]
"""Addresses and lengths of a message's parts in the program's memory."""


class Datagrams:
    """The datagram sockets of one program."""

    def __init__(self, listener: Listener, sockets: Sockets, exclusions: Exclusions) -> None:
        self._listener = listener
        self._sockets = sockets
        self._exclusions = exclusions
        self._ports: set[int] = set()
        """The ports to which the program has bound a socket."""

    def bind(self, call: Call, caller: Caller, socket: Socket, place: address.Address) -> int:
        """Bind a socket."""
        working = self._copy(socket) if socket.muted else socket
        try:
            try:
                working.own.bind(place)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                self._sockets.drop_closed()
                working.own.bind(place)
            if working is not socket:
                self._replace(call, caller, socket, working)
        except OSError:
            if working is not socket:
                working.own.close()
            raise
        self._ports.add(working.own.getsockname()[1])
        return 0

    def connect(self, call: Call, caller: Caller, socket: Socket, data: bytes) -> int:
        """Connect or disconnect a socket."""
        if address.family_of(data) == _socket.AF_UNSPEC:
            linux.disconnect(socket.fd)
            # The socket may now be bound to no interface. But it has no other end to send to, and
            # only the supervisor can give it one.
            socket.confine()
            return 0
        place = address.to_connect(data, socket.own.family)
        self._working(call, caller, socket, place).own.connect(place)
        return 0

    def send(  # noqa: PLR0913, PLR0917 - the call and its arguments
        self, call: Call, caller: Caller, socket: Socket, parts: Parts, name: bytes, flags: int
    ) -> int:
        """Send one message, to the address `name` if it has one. Return the number of bytes."""
        if len(parts) > _MOST_PARTS or sum(length for _, length in parts) > _MOST_BYTES:
            raise address.refused(errno.EMSGSIZE)
        place = address.to_connect(name, socket.own.family) if name else None
        data = b"".join(caller.read(where, length) for where, length in parts)
        if place is not None:
            socket = self._working(call, caller, socket, place)
        flags = flags & _FLAGS | _socket.MSG_DONTWAIT
        if place is None:
            return socket.own.send(data, flags)
        # No process receives what a muted socket sends: the port has never been bound.
        return len(data) if socket.muted else socket.own.sendto(data, flags, place)

    def send_message(self, call: Call, caller: Caller, socket: Socket) -> int:
        """Make a call of sendmsg, without its control data."""
        _, place, flags = call.arguments[:3]
        return self._send_message(call, caller, socket, place, flags)

    def send_messages(self, call: Call, caller: Caller, socket: Socket) -> int:
        """Make a call of sendmmsg, for some of its messages. Return their number."""
        _, place, count, flags = call.arguments[:4]
        sent = 0
        for number in range(min(count & 0xFFFF_FFFF, _MOST_MESSAGES)):
            where = place + number * _MESSAGE_BYTES
            try:
                length = self._send_message(call, caller, socket, where, flags)
            except OSError:
                if sent:
                    break
                raise
            caller.write(where + _MESSAGE.size, struct.pack("=I", length))
            socket = self._sockets.get(caller.inode(call.arguments[0] & 0xFFFF_FFFF)) or socket
            sent += 1
        return sent

    def _send_message(
        self, call: Call, caller: Caller, socket: Socket, place: int, flags: int
    ) -> int:
        name, size, at, count, *_ = _MESSAGE.unpack(caller.read(place, _MESSAGE.size))
        if count > _MOST_PARTS or size > address.MOST_BYTES:
            raise address.refused(errno.EMSGSIZE if count > _MOST_PARTS else errno.EINVAL)
        parts = list(_PART.iter_unpack(caller.read(at, count * _PART.size)))
        data = caller.read(name, size) if name and size else b""
        return self.send(call, caller, socket, parts, data, flags)

    def _working(
        self, call: Call, caller: Caller, socket: Socket, place: address.Address
    ) -> Socket:
        """Return a socket that can send there, or the muted one if no process could receive it."""
        if not socket.muted or place[1] not in self._ports:
            return socket
        working = self._copy(socket)
        try:
            self._replace(call, caller, socket, working)
        except OSError:
            working.own.close()
            raise
        return working

    def _copy(self, socket: Socket) -> Socket:
        """Return a socket that works, with the options of a muted one."""
        self._exclusions.use_datagrams()
        own = loopback_socket(socket.own.family, _socket.SOCK_DGRAM)
        for level, option in _COPIED:
            own.setsockopt(level, option, socket.own.getsockopt(level, option, _TIME_BYTES))
        if own.family == _socket.AF_INET6:
            own.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, int(socket.only_ipv6))
        os.set_blocking(own.fileno(), os.get_blocking(socket.fd))
        return Socket(own)

    def _replace(self, call: Call, caller: Caller, socket: Socket, working: Socket) -> None:
        number = call.arguments[0] & 0xFFFF_FFFF
        closes = caller.closes_on_exec(number)
        self._listener.replace(call, number, working.fd, close_on_exec=closes)
        self._sockets.drop(socket.inode)
        self._sockets.hold(working)

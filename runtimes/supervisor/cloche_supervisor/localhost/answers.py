"""Answer the calls of a program that make a socket or take an address.

Each argument in memory is read once and checked, and the call is then made here on the supervisor's
own descriptor of the socket. What the program does meanwhile cannot change it.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import time

from cloche_supervisor.localhost import address
from cloche_supervisor.localhost.caller import Caller
from cloche_supervisor.localhost.datagrams import Datagrams
from cloche_supervisor.localhost.exclusions import Exclusions
from cloche_supervisor.localhost.held import Socket, Sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_supervisor.localhost.notifications import Call, Listener

_KIND, _NONBLOCK, _CLOSE_ON_EXEC = 0xF, 0o4000, 0o2000000  # <linux/net.h>
_PROTOCOLS = {
    _socket.SOCK_STREAM: (0, _socket.IPPROTO_TCP),
    _socket.SOCK_DGRAM: (0, _socket.IPPROTO_UDP),
}
_CLOSED = 7  # TCP_CLOSE of <net/tcp_states.h>
_TIME_WAIT = b"06"
_LONGEST_SECONDS = 3600.0  # longer than any program may run
_LOWER = 0xFFFF_FFFF
_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")


class Answers:
    """The calls of one program after the other.

    Args:
        listener: where calls come from.
        numbers: the machine's system call numbers by name.
        families: the protocols that `lo` has.
    """

    def __init__(
        self, listener: Listener, numbers: dict[str, int], families: tuple[int, ...]
    ) -> None:
        self._listener = listener
        self._families = families
        self._sockets = Sockets()
        self._exclusions = Exclusions()
        self._datagrams = Datagrams(listener, self._sockets, self._exclusions)
        self._connecting: dict[int, tuple[Call, Socket, address.Address, float]] = {}
        self._functions: dict[int, Callable[[Call, Caller], int | None]] = {
            numbers["socket"]: self._socket,
            numbers["bind"]: self._bind,
            numbers["listen"]: self._listen,
            numbers["connect"]: self._connect,
            numbers["sendto"]: self._sendto,
            numbers["sendmsg"]: self._sendmsg,
            numbers["sendmmsg"]: self._sendmmsg,
        }

    def clear(self) -> None:
        """Forget the program, all of whose processes have ended."""
        self._connecting.clear()
        self._sockets.clear()
        self._exclusions = Exclusions()
        self._datagrams = Datagrams(self._listener, self._sockets, self._exclusions)

    @property
    def waiting(self) -> bool:
        """Whether connections are being made for which a program waits."""
        return bool(self._connecting)

    def answer(self, call: Call) -> None:
        """Answer a call. A failure in here is the program's error, and never the supervisor's."""
        try:
            value = self._functions[call.number](call, Caller(self._listener, call))
        except OSError as error:
            self._listener.answer(call, error=error.errno or errno.EACCES)
        except Exception:  # noqa: BLE001 - a program must not be able to stop the answers
            self._listener.answer(call, error=errno.EACCES)
        else:
            if value is not None:
                self._listener.answer(call, value)

    def wait(self) -> bool:
        """Wait for connections and calls. Return whether there is a call."""
        poll = select.poll()
        poll.register(self._listener.fd, select.POLLIN)
        for fd in self._connecting:
            poll.register(fd, select.POLLOUT)
        soonest = min(deadline for *_, deadline in self._connecting.values())
        ready = {fd for fd, _ in poll.poll(max(0.0, soonest - time.monotonic()) * 1000)}
        return self._listener.fd in ready

    def finish_connections(self) -> None:
        """Answer the calls whose connection is made, has failed, or took too long."""
        for fd, (call, socket, place, deadline) in list(self._connecting.items()):
            number = _connect_at_once(socket, place)  # again: returns the result of the first time
            if number in (errno.EALREADY, errno.EINPROGRESS):
                if time.monotonic() < deadline and self._listener.is_valid(call):
                    continue
                number = errno.EINPROGRESS  # as Linux reports that SO_SNDTIMEO is over
            del self._connecting[fd]
            if number in (0, errno.EINPROGRESS):
                self._sockets.drop(socket.inode)
            self._listener.answer(call, error=number)

    def _socket(self, call: Call, _: Caller) -> None:
        family, kind, protocol = (argument & _LOWER for argument in call.arguments[:3])
        if protocol not in _PROTOCOLS.get(kind & _KIND, ()):
            raise address.refused(errno.EACCES)
        if kind & ~(_KIND | _NONBLOCK | _CLOSE_ON_EXEC):
            raise address.refused(errno.EINVAL)
        if family not in self._families:
            raise address.refused(errno.EAFNOSUPPORT)
        if family == _socket.AF_INET6 and kind & _KIND == _socket.SOCK_STREAM:
            self._exclusions.use_ipv6()
        socket = self._sockets.make(family, kind & _KIND)
        if kind & _NONBLOCK:
            os.set_blocking(socket.fd, False)
        try:
            self._listener.give(call, socket.fd, close_on_exec=bool(kind & _CLOSE_ON_EXEC))
        except OSError:
            self._sockets.drop(socket.inode)
            raise

    def _bind(self, call: Call, caller: Caller) -> int | None:
        socket, data = self._socket_and_address(call, caller)
        if socket is None:
            self._continue(call, data, binds=True)
            return None
        place = address.to_bind(data, socket.own.family, only_ipv6=socket.only_ipv6)
        if not socket.is_stream:
            return self._datagrams.bind(call, caller, socket, place)
        try:
            socket.own.bind(place)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            self._bind_again(socket, place)
        # Its closed connections must not occupy the port for the next program of this Pod. Another
        # socket without this option still gets EADDRINUSE.
        socket.own.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        return 0

    def _bind_again(self, socket: Socket, place: address.Address) -> None:
        """Bind although the port is in use, if only by sockets that the program has closed."""
        self._sockets.drop_closed()
        if _only_waits(place[1]):
            socket.own.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        socket.own.bind(place)

    def _listen(self, call: Call, caller: Caller) -> None:
        """Let the kernel make the call, which has no address, on any socket."""
        try:
            self._sockets.drop(caller.inode(call.arguments[0] & _LOWER))
        except OSError:
            pass  # the kernel reports it
        self._listener.proceed(call)

    def _connect(self, call: Call, caller: Caller) -> int | None:
        socket, data = self._socket_and_address(call, caller)
        if socket is None:
            self._continue(call, data)
            return None
        if not socket.is_stream:
            return self._datagrams.connect(call, caller, socket, data)
        if address.family_of(data) == _socket.AF_UNSPEC:
            raise address.refused(errno.EAFNOSUPPORT)
        place = address.to_connect(data, socket.own.family)
        if socket.fd in self._connecting:
            raise address.refused(errno.EALREADY)
        number = _connect_at_once(socket, place)
        if number == errno.EINPROGRESS and os.get_blocking(socket.fd):
            self._finish_later(call, socket, place)
            return None
        if number == 0 or (number == errno.EINPROGRESS and socket.state != _CLOSED):
            self._sockets.drop(socket.inode)
        if number:
            raise address.refused(number)
        return 0

    def _finish_later(self, call: Call, socket: Socket, place: address.Address) -> None:
        limit = socket.own.getsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, 16)
        seconds = int.from_bytes(limit[:8], "little") + int.from_bytes(limit[8:], "little") / 1e6
        end = time.monotonic() + (seconds or _LONGEST_SECONDS)
        self._connecting[socket.fd] = (call, socket, place, end)
        self.finish_connections()

    def _sendto(self, call: Call, caller: Caller) -> int | None:
        number, place, length, flags, where, size = call.arguments
        socket = self._sockets.get(caller.inode(number & _LOWER))
        if socket is None:
            self._exclusions.continue_call()
            self._listener.proceed(call)
            return None
        if socket.is_stream:
            # Without a connection the kernel sends only with MSG_FASTOPEN, which connects.
            raise address.refused(errno.EOPNOTSUPP if flags & _socket.MSG_FASTOPEN else errno.EPIPE)
        name = _read_address(caller, where, size)
        return self._datagrams.send(call, caller, socket, [(place, length)], name, flags)

    def _sendmsg(self, call: Call, caller: Caller) -> int | None:
        socket = self._datagram_socket(call, caller)
        return None if socket is None else self._datagrams.send_message(call, caller, socket)

    def _sendmmsg(self, call: Call, caller: Caller) -> int | None:
        socket = self._datagram_socket(call, caller)
        return None if socket is None else self._datagrams.send_messages(call, caller, socket)

    def _datagram_socket(self, call: Call, caller: Caller) -> Socket | None:
        """Return the socket of a call that sends a message, or let the kernel make the call."""
        socket = self._sockets.get(caller.inode(call.arguments[0] & _LOWER))
        if socket is None:
            self._exclusions.continue_call()
            self._listener.proceed(call)
        elif socket.is_stream:
            raise address.refused(errno.EPIPE)  # it has no connection, and MSG_FASTOPEN makes none
        return socket

    def _socket_and_address(self, call: Call, caller: Caller) -> tuple[Socket | None, bytes]:
        number, place, size = call.arguments[:3]
        inode = caller.inode(number & _LOWER)
        data = _read_address(caller, place, size)
        socket = self._sockets.get(inode)
        if socket is None and address.family_of(data) in (_socket.AF_INET, _socket.AF_INET6):
            raise address.refused(_why_not_held(inode))
        return socket, data

    def _continue(self, call: Call, data: bytes, *, binds: bool = False) -> None:
        """Let the kernel bind or connect a socket that is not the supervisor's."""
        if not binds and _is_missing(data, call):
            raise address.refused(errno.ENOENT)
        self._exclusions.continue_call(binds=binds)
        self._listener.proceed(call)


def _connect_at_once(socket: Socket, place: address.Address) -> int:
    """Connect without waiting, and return the error number.

    The descriptor's flag is the program's too. It is changed for this moment only, in which the
    program's thread waits. The supervisor must not wait, because other threads need answers.
    """
    blocking = os.get_blocking(socket.fd)
    try:
        os.set_blocking(socket.fd, False)
        return socket.own.connect_ex(place)
    finally:
        os.set_blocking(socket.fd, blocking)


def _read_address(caller: Caller, place: int, size: int) -> bytes:
    size &= _LOWER
    if not 0 < size <= address.MOST_BYTES:
        raise address.refused(errno.EINVAL)
    return caller.read(place, size)


def _is_missing(data: bytes, call: Call) -> bool:
    """Return whether this is the path of a UNIX socket that does not exist.

    C libraries look for a name service daemon in this way, which must not decide what a program may
    use afterwards.
    """
    path = data[2:].split(b"\0")[0]
    if address.family_of(data) != _socket.AF_UNIX or not path:
        return False
    return not os.path.lexists(
        path if path[:1] == b"/" else b"/proc/%d/cwd/%s" % (call.thread, path)
    )


def _why_not_held(inode: int) -> int:
    """Return the error for a call with an address on a socket that is connected, or not held."""
    state = next((line[3] for line in _connections() if line[9] == b"%d" % inode), b"")
    return errno.EISCONN if state == b"01" else errno.EINVAL


def _only_waits(port: int) -> bool:
    """Return whether the port is in use by closed connections only."""
    ending = b":%04X" % port
    states = {line[3] for line in _connections() if line[1].endswith(ending)}
    return states == {_TIME_WAIT}


def _connections() -> list[list[bytes]]:
    lines = []
    for table in _TABLES:
        try:
            with open(table, "rb") as file:
                lines += [line.split() for line in file.read(4 << 20).splitlines()[1:]]
        except OSError:  # no IPv6
            continue
    return [line for line in lines if len(line) > 9]  # noqa: PLR2004 - the inode's column

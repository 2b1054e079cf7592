"""Socket addresses that a program passes: only those of the loopback interface are allowed."""

from __future__ import annotations

import _socket
import errno
import os
import struct

MOST_BYTES = 128  # sizeof(struct sockaddr_storage)
_HEAD = struct.Struct("=H")  # sa_family
_IPV4 = struct.Struct("=H2s4s")  # sockaddr_in: family, port in network order, address
_IPV6 = struct.Struct("=H2s4x16s")  # sockaddr_in6, without the scope
_IPV4_BYTES, _IPV6_BYTES = 16, 24  # the least that the kernel accepts
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96

Address = tuple[str, int]
"""A host and a port, as `_socket` takes them. It never has a scope."""


def refused(number: int) -> OSError:
    """Return the error for the program."""
    return OSError(number, os.strerror(number))


def family_of(data: bytes) -> int:
    """Return the address family.

    Raises:
        OSError: the address is too short to have one.
    """
    if len(data) < _HEAD.size:
        raise refused(errno.EINVAL)
    family: int = _HEAD.unpack_from(data)[0]
    return family


def to_connect(data: bytes, family: int) -> Address:
    """Return the address to connect or send to. An unspecified address is loopback, as in Linux.

    Raises:
        OSError: EACCES if it is not loopback, or the error that Linux returns for its form.
    """
    host, port = _parsed(data, family)
    if _is_any(host):
        host = _mapped_or(host, b"\x7f\0\0\1", (1).to_bytes(16, "big"))
    if not _is_loopback(host):
        raise refused(errno.EACCES)
    return _named(host), port


def to_bind(data: bytes, family: int, *, only_ipv6: bool) -> Address:
    """Return the address to bind to. 0.0.0.0 becomes 127.0.0.1.

    `::` is kept for a socket of both protocols, which is confined by its binding to `lo`.

    Raises:
        OSError: EADDRNOTAVAIL if it is not loopback, or the error that Linux returns for its form.
    """
    host, port = _parsed(data, family)
    if host == bytes(16) and not only_ipv6:
        return "::", port
    if _is_any(host):
        host = _mapped_or(host, b"\x7f\0\0\1", (1).to_bytes(16, "big"))
    if not _is_loopback(host):
        raise refused(errno.EADDRNOTAVAIL)
    return _named(host), port


def _parsed(data: bytes, family: int) -> tuple[bytes, int]:
    if family_of(data) != family:
        raise refused(errno.EAFNOSUPPORT)
    if len(data) < (_IPV4_BYTES if family == _socket.AF_INET else _IPV6_BYTES):
        raise refused(errno.EINVAL)
    _, port, host = (_IPV4 if family == _socket.AF_INET else _IPV6).unpack_from(data)
    return host, int.from_bytes(port, "big")


def _ipv4(host: bytes) -> bytes | None:
    """Return the IPv4 address that this is or maps."""
    if len(host) == 4:  # noqa: PLR2004 - bytes of an IPv4 address
        return host
    return host[12:] if host[:12] == _MAPPED else None


def _is_any(host: bytes) -> bool:
    return host == bytes(16) or _ipv4(host) == bytes(4)


def _is_loopback(host: bytes) -> bool:
    ipv4 = _ipv4(host)
    return ipv4[0] == 127 if ipv4 is not None else host == (1).to_bytes(16, "big")  # noqa: PLR2004 - 127.0.0.0/8


def _mapped_or(host: bytes, ipv4: bytes, ipv6: bytes) -> bytes:
    if len(host) == 4:  # noqa: PLR2004 - bytes of an IPv4 address
        return ipv4
    return _MAPPED + ipv4 if _ipv4(host) is not None else ipv6


def _named(host: bytes) -> str:
    family = _socket.AF_INET if len(host) == 4 else _socket.AF_INET6  # noqa: PLR2004 - as above
    return _socket.inet_ntop(family, host)

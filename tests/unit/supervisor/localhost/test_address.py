"""Which addresses a program may bind to, connect to and send to."""

from __future__ import annotations

import errno
import os
import re
import socket
import struct

import pytest

from cloche_supervisor.localhost import address

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6
EVERY = "0.0.0.0"  # noqa: S104 - of the test


def packed(host: str, port: int = 80, scope: int = 0) -> bytes:
    if ":" in host:
        number = socket.inet_pton(IPV6, host)
        return struct.pack("=H2sI16sI", IPV6, port.to_bytes(2, "big"), 0, number, scope)
    return struct.pack("=H2s4s8x", IPV4, port.to_bytes(2, "big"), socket.inet_aton(host))


@pytest.mark.parametrize(
    ("family", "given", "expected"),
    [
        (IPV4, "127.0.0.1", "127.0.0.1"),
        (IPV4, "127.200.0.53", "127.200.0.53"),
        (IPV4, EVERY, "127.0.0.1"),
        (IPV6, "::1", "::1"),
        (IPV6, "::", "::1"),
        (IPV6, "::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        (IPV6, "::ffff:0.0.0.0", "::ffff:127.0.0.1"),
    ],
)
def test_a_loopback_or_unspecified_address_can_be_connected_to(
    family: int, given: str, expected: str
) -> None:
    assert address.to_connect(packed(given, 8080, scope=2), family) == (expected, 8080)


@pytest.mark.parametrize(
    ("family", "given"),
    [
        (IPV4, "126.255.255.255"),
        (IPV4, "128.0.0.1"),
        (IPV4, "10.0.0.1"),
        (IPV4, "169.254.169.254"),
        (IPV4, "224.0.0.1"),
        (IPV4, "255.255.255.255"),
        (IPV6, "::2"),
        (IPV6, "::127.0.0.1"),
        (IPV6, "::ffff:10.0.0.1"),
        (IPV6, "64:ff9b::7f00:1"),
        (IPV6, "fe80::1"),
        (IPV6, "ff02::1"),
    ],
)
def test_any_other_address_is_refused(family: int, given: str) -> None:
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.EACCES))):
        address.to_connect(packed(given), family)
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.EADDRNOTAVAIL))):
        address.to_bind(packed(given), family, only_ipv6=False)


@pytest.mark.parametrize(
    ("family", "given", "only_ipv6", "expected"),
    [
        (IPV4, EVERY, False, "127.0.0.1"),
        (IPV6, "::", False, "::"),
        (IPV6, "::", True, "::1"),
        (IPV6, "::ffff:0.0.0.0", False, "::ffff:127.0.0.1"),
    ],
)
def test_binding_to_every_address_binds_to_loopback(
    family: int, given: str, expected: str, *, only_ipv6: bool
) -> None:
    assert address.to_bind(packed(given, 0), family, only_ipv6=only_ipv6) == (expected, 0)


@pytest.mark.parametrize(
    ("family", "data", "number"),
    [
        (IPV4, b"", errno.EINVAL),
        (IPV4, b"\2", errno.EINVAL),
        (IPV4, packed("127.0.0.1")[:15], errno.EINVAL),
        (IPV6, packed("::1")[:23], errno.EINVAL),
        (IPV4, packed("::1"), errno.EAFNOSUPPORT),
        (IPV6, packed("127.0.0.1"), errno.EAFNOSUPPORT),
        (IPV4, bytes(16), errno.EAFNOSUPPORT),
    ],
)
def test_a_malformed_address_gets_the_error_of_linux(family: int, data: bytes, number: int) -> None:
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        address.to_connect(data, family)

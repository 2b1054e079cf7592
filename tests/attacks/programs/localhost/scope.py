# Tries: a link-local address, whose scope replaces the socket's interface
# Gets: set()
import socket

from attack import outcome

found = set()
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for host in ("fe80::1", "ff02::1", "::ffff:169.254.1.1"):
        for scope in (0, 1, 2, 3):
            try:
                s = socket.socket(socket.AF_INET6, kind)
            except OSError:  # no IPv6
                continue
            found.add(outcome(s.bind, (host, 0, 0, scope)))
            found.add(outcome(s.connect, (host, 9, 0, scope)))
print(found - {"EADDRNOTAVAIL", "EACCES"})

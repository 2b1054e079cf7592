# Tries: an IPv4 address as an IPv6 address, for checks that know one form only
# Gets: set()
import socket

from attack import outcome
from outside import OUTSIDE

found = set()
for prefix in ("::ffff:", "::", "64:ff9b::"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            s = socket.socket(socket.AF_INET6, kind)
        except OSError:  # no IPv6
            continue
        found.add(outcome(s.connect, (prefix + OUTSIDE[0], OUTSIDE[1])))
        found.add(outcome(s.sendto, b"x", (prefix + OUTSIDE[0], OUTSIDE[1])))
print(found - {"EACCES", "EPIPE"})

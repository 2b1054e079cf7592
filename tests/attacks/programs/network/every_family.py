# Tries: every family that Linux has or may get, of every kind of socket, but those of localhost
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

FAMILIES = [family for family in range(256) if family != socket.AF_UNIX]
KINDS = [(family, kind) for family in FAMILIES for kind in range(1, 7)]
LOCALHOST = [(family, kind) for family in (2, 10) for kind in (1, 2)]
print({outcome(socket.socket, *pair) for pair in KINDS if pair not in LOCALHOST})

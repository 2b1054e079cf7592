# Tries: every family that Linux has or may get, of every kind of socket
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

FAMILIES = [family for family in range(256) if family != socket.AF_UNIX]
print({outcome(socket.socket, family, kind) for family in FAMILIES for kind in range(1, 7)})

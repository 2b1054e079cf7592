# Tries: to bind a socket to another interface, or to none
# Gets: {'EPERM'}
import socket
import struct

from attack import outcome

found = set()
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    s = socket.socket(type=kind)
    for name in (b"eth0\0", b"", b"\0", b"lo\0"):
        found.add(outcome(s.setsockopt, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name))
    for index in (0, 1, 2):
        found.add(outcome(s.setsockopt, socket.SOL_SOCKET, 62, struct.pack("i", index)))
print(found)

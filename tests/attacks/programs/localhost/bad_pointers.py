# Tries: addresses that are not there, too short, too long
# Gets: [-22, -14]
# Gets: DONE
import ctypes
import socket

from attack import attempt
from outside import libc, number, packed

s = socket.socket()
good = packed("127.0.0.1", 9)
found = set()
for pointer in (0, 1, 2**47 - 1, 2**63, 2**64 - 1, 0xFFFF_8880_0000_0000):
    found.add(number(libc.connect(s.fileno(), ctypes.c_void_p(pointer), 16)))
for size in (0, 1, 2, 15, 129, 2**31 - 1, -1):
    found.add(number(libc.bind(s.fileno(), good + bytes(200), size)))
print(sorted(found))
server = socket.create_server(("127.0.0.1", 0))
attempt(socket.create_connection, server.getsockname())

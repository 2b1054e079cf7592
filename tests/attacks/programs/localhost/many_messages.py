# Tries: several messages in one call, of which only the second has an address outside
# Gets: 1
# Gets: b'x'
import ctypes
import socket
import struct

from outside import OUTSIDE, libc, number, packed

server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(type=socket.SOCK_DGRAM)
text = ctypes.create_string_buffer(b"x", 1)
part = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(text), 1), 16)
names = [ctypes.create_string_buffer(packed(*one), 16) for one in (server.getsockname(), OUTSIDE)]
messages = ctypes.create_string_buffer(
    b"".join(
        struct.pack("QQQQQQQQ", ctypes.addressof(name), 16, ctypes.addressof(part), 1, 0, 0, 0, 0)
        for name in names
    )
)
print(number(libc.sendmmsg(client.fileno(), messages, 2, 0)))
print(server.recv(10))

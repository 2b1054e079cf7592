# Tries: to put an address into a message after it was checked
# Gets: True
import ctypes
import errno
import socket
import struct
import threading

from outside import OUTSIDE, flipped, libc, number, packed

server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(type=socket.SOCK_DGRAM)
client.connect(server.getsockname())
text = ctypes.create_string_buffer(b"x", 1)
part = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(text), 1), 16)
bad = ctypes.create_string_buffer(packed(*OUTSIDE), 16)
without = struct.pack("QQQQQQQ", 0, 0, ctypes.addressof(part), 1, 0, 0, 0)
with_name = struct.pack(
    "QQQQQQQ", ctypes.addressof(bad), 16, ctypes.addressof(part), 1, 0, 0, 0
)
place = ctypes.create_string_buffer(without, 56)
stop = []
threading.Thread(target=flipped, args=(place, without, with_name, stop)).start()
found = {number(libc.sendmsg(client.fileno(), place, 0)) for _ in range(1000)}
stop.append(True)
print(found <= {1, -errno.EACCES, -errno.EAGAIN, -errno.EFAULT, -errno.ECONNREFUSED})

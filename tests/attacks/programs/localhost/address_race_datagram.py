# Tries: to change the address of a datagram after it was checked
# Gets: True
import ctypes
import errno
import socket
import threading

from outside import OUTSIDE, flipped, libc, number, packed

server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
good, bad = packed(*server.getsockname()), packed(*OUTSIDE)
place = ctypes.create_string_buffer(good, 16)
stop = []
threading.Thread(target=flipped, args=(place, good, bad, stop)).start()
client = socket.socket(type=socket.SOCK_DGRAM)
found = {number(libc.sendto(client.fileno(), b"x", 1, 0, place, 16)) for _ in range(1000)}
stop.append(True)
print(found <= {1, -errno.EACCES, -errno.EINVAL, -errno.EAFNOSUPPORT, -errno.EAGAIN})

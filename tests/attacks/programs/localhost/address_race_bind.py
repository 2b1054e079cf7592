# Tries: to change the address of bind after it was checked
# Gets: {'127.0.0.1'}
import ctypes
import socket
import threading

from outside import flipped, libc, packed

own = "10.99.99.99"
good, bad = packed("127.0.0.1", 0), packed(own, 0)
place = ctypes.create_string_buffer(good, 16)
stop = []
threading.Thread(target=flipped, args=(place, good, bad, stop)).start()
names = {"127.0.0.1"}
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for _ in range(200):
        s = socket.socket(type=kind)
        if libc.bind(s.fileno(), place, 16) == 0:
            names.add(s.getsockname()[0])
        s.close()
stop.append(True)
print(names)

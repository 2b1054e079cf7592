# Tries: to change the address of connect after it was checked
# Gets: {'127.0.0.1'}
import ctypes
import socket
import threading

from outside import OUTSIDE, flipped, libc, packed

server = socket.create_server(("127.0.0.1", 0), backlog=1000)
good, bad = packed(*server.getsockname()), packed(*OUTSIDE)
place = ctypes.create_string_buffer(good, 16)
stop = []
threading.Thread(target=flipped, args=(place, good, bad, stop)).start()
peers = set()
for _ in range(500):
    s = socket.socket()
    if libc.connect(s.fileno(), place, 16) == 0:
        peers.add(s.getpeername()[0])
    s.close()
stop.append(True)
print(peers or {"127.0.0.1"})

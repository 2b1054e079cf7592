# Tries: to keep the supervisor busy beyond the program's time
# Ends: DeadlineExceeded
# Gets: go
# Limits: timeoutSeconds=2
import contextlib
import os
import socket

for _ in range(4):
    os.fork()
print("go", flush=True) if os.getppid() == 1 else None
while True:
    with contextlib.suppress(OSError):  # beyond the number of sockets that a program can make
        socket.socket().close()

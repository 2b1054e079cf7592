# Tries: signals in the middle of calls, after which a kernel makes calls again
# Gets: 300 True
import os
import signal
import socket

caught = []
signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
before = len(os.listdir("/proc/self/fd"))
server = socket.create_server(("127.0.0.1", 0), backlog=1000)
made = 0
for _ in range(300):
    s = socket.create_connection(server.getsockname())
    made += s.getpeername() == server.getsockname()
    s.close()
signal.setitimer(signal.ITIMER_REAL, 0)
server.close()
print(made, len(os.listdir("/proc/self/fd")) == before)

# Tries: another number, another process and another owner of the same socket
# Gets: {'EACCES'}
import os
import socket

from attack import outcome
from outside import OUTSIDE

s = socket.socket()
copy = socket.socket(fileno=os.dup(s.fileno()))
os.dup2(s.fileno(), 200)
number = socket.socket(fileno=200)
print({outcome(one.connect, OUTSIDE) for one in (s, copy, number)}, flush=True)
left, right = socket.socketpair()
if os.fork() == 0:
    _, (fd,), _, _ = socket.recv_fds(left, 1, 1)
    os._exit(0 if outcome(socket.socket(fileno=fd).connect, OUTSIDE) == "EACCES" else 1)
socket.send_fds(right, [b"x"], [s.fileno()])
if os.wait()[1]:
    print("connected after it was passed")

# Tries: a datagram socket that has not been bound, with every call that sends
# Gets: ['EACCES', 'EACCES', 'EACCES', 'EDESTADDRREQ', 'EPIPE']
import os
import socket

from attack import outcome
from outside import OUTSIDE

s = socket.socket(type=socket.SOCK_DGRAM)
found = [
    outcome(s.connect, OUTSIDE),
    outcome(s.sendto, b"x", OUTSIDE),
    outcome(s.sendmsg, [b"x"], [], 0, OUTSIDE),
]
found.append(outcome(os.write, s.fileno(), b"x"))
s.connect(("127.0.0.1", 9))
found.append(outcome(os.write, s.fileno(), b"x"))
print(found)

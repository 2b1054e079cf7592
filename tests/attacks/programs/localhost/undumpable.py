# Tries: to hide its memory from the supervisor
# Gets: EACCES
# Gets: EACCES
# Gets: EACCES
import socket

from attack import attempt, libc
from outside import OUTSIDE

s = socket.socket()
libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
attempt(s.connect, OUTSIDE)
attempt(s.bind, ("127.0.0.1", 0))
attempt(socket.socket(type=socket.SOCK_DGRAM).sendto, b"x", OUTSIDE)

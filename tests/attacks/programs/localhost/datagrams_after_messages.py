# Tries: a datagram socket that sends, after the kernel has sent a message itself
# Gets: DONE
# Gets: EACCES
# Gets: EACCES
import socket

from attack import attempt
from outside import OUTSIDE

left, right = socket.socketpair()
attempt(left.sendmsg, [b"x"])
s = socket.socket(type=socket.SOCK_DGRAM)
attempt(s.bind, ("127.0.0.1", 0))
attempt(s.sendto, b"x", OUTSIDE)

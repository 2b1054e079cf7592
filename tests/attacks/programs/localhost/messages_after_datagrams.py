# Tries: to let the kernel send a message itself, where a datagram socket could be put in its place
# Gets: DONE
# Gets: EACCES
# Gets: EACCES
import os
import socket

from attack import attempt

attempt(socket.socket(type=socket.SOCK_DGRAM).bind, ("127.0.0.1", 0))
left, right = socket.socketpair()
attempt(left.sendmsg, [b"x"])
attempt(socket.socket(socket.AF_UNIX).bind, os.path.join(os.environ["TMPDIR"], "unix"))

# Tries: an IPv6 socket after the kernel has made a call itself
# Gets: DONE
# Gets: EAFNOSUPPORT
import os
import socket

from attack import attempt

path = os.path.join(os.environ["TMPDIR"], "unix")
attempt(socket.socket(socket.AF_UNIX).bind, path)
attempt(socket.socket, socket.AF_INET6)
os.unlink(path)

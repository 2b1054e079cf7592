# Tries: more open sockets than the supervisor holds
# Gets: EINVAL
# Gets: EACCES
# Gets: DONE
import socket

from attack import attempt
from outside import OUTSIDE

server = socket.create_server(("127.0.0.1", 0))
many = [socket.socket() for _ in range(400)]
attempt(many[0].connect, server.getsockname())
attempt(many[-1].connect, OUTSIDE)
attempt(many[-1].connect, server.getsockname())

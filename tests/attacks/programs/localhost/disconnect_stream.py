# Tries: to disconnect a stream socket and to connect it elsewhere
# Gets: EISCONN or EINVAL
# Gets: EACCES
import socket

from attack import attempt, call
from outside import OUTSIDE

server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
attempt(client.connect, OUTSIDE)
fresh = socket.socket()
try:
    call("connect", fresh.fileno(), bytes(16), 16)
except OSError:
    pass
attempt(fresh.connect, OUTSIDE)

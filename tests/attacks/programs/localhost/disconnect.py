# Tries: to end a datagram socket's binding to its interface by a disconnect
# Gets: DONE
# Gets: b'lo'
# Gets: EACCES
# Gets: EACCES
import socket

from attack import attempt, call
from outside import OUTSIDE

server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(type=socket.SOCK_DGRAM)
client.connect(server.getsockname())
attempt(call, "connect", client.fileno(), bytes(16), 16)
print(client.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0"))
attempt(client.sendto, b"x", OUTSIDE)
attempt(client.connect, OUTSIDE)

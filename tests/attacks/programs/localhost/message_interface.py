# Tries: to name another interface in a message, which leads around the socket's own
# Gets: EACCES
# Gets: EACCES
# Gets: DONE
import socket
import struct

from attack import attempt
from outside import OUTSIDE

server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(type=socket.SOCK_DGRAM)
client.bind(("127.0.0.1", 0))
control = [(socket.IPPROTO_IP, 8, struct.pack("=I8x", 2))]  # IP_PKTINFO
attempt(client.sendmsg, [b"x"], control, 0, OUTSIDE)
attempt(socket.socket(type=socket.SOCK_DGRAM).sendmsg, [b"x"], control, 0, OUTSIDE)
attempt(client.sendmsg, [b"x"], control, 0, server.getsockname())

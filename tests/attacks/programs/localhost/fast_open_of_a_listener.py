# Tries: fast open on a socket that listened, which the supervisor does not hold any more
# Gets: False
import select
import socket

from attack import outcome
from outside import OUTSIDE

s = socket.create_server(("127.0.0.1", 0))
s.shutdown(socket.SHUT_RDWR)  # closed again
s.setblocking(False)
outcome(s.sendmsg, [b"x"], [], socket.MSG_FASTOPEN, OUTSIDE)
select.select([], [s], [], 1)
print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01")  # established

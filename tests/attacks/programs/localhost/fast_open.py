# Tries: to connect by sending (TCP fast open)
# Gets: ['ENOTSUP', 'EPIPE', 'ENOPROTOOPT']
import socket

from attack import outcome
from outside import OUTSIDE

s = socket.socket()
print(
    [
        outcome(s.sendto, b"x", socket.MSG_FASTOPEN, OUTSIDE),
        outcome(s.sendmsg, [b"x"], [], socket.MSG_FASTOPEN, OUTSIDE),
        outcome(s.setsockopt, socket.IPPROTO_TCP, 30, 1),  # TCP_FASTOPEN_CONNECT
    ]
)

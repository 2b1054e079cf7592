# Tries: broadcast
# Gets: ['DONE', 'EACCES', 'EACCES']
import socket

from attack import outcome

s = socket.socket(type=socket.SOCK_DGRAM)
print(
    [
        outcome(s.setsockopt, socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
        outcome(s.sendto, b"x", ("255.255.255.255", 9)),
        outcome(s.sendto, b"x", ("10.255.255.255", 9)),
    ]
)

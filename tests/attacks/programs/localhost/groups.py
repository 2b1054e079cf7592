# Tries: multicast, which names an interface and reaches the node's network
# Gets: ['ENOPROTOOPT', 'ENOPROTOOPT', 'ENOPROTOOPT', 'EACCES', 'EACCES']
import socket
import struct

from attack import outcome

s = socket.socket(type=socket.SOCK_DGRAM)
group = socket.inet_aton("224.0.0.251")
print(
    [
        outcome(s.setsockopt, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + bytes(4)),
        outcome(s.setsockopt, socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("i", 2)),
        outcome(s.setsockopt, socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, bytes(20)),
        outcome(s.sendto, b"x", ("224.0.0.251", 5353)),
        outcome(s.connect, ("224.0.0.251", 5353)),
    ]
)

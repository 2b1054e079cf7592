# Tries: options that lead a packet: a source route, an interface, a form of address
# Gets: {'ENOPROTOOPT'}
import socket
import struct

from attack import outcome

ROUTE = bytes([131, 7, 4, 10, 0, 0, 1, 0])  # IPOPT_LSRR
found = set()
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    s = socket.socket(type=kind)
    found.add(outcome(s.setsockopt, socket.IPPROTO_IP, socket.IP_OPTIONS, ROUTE))
    found.add(outcome(s.setsockopt, socket.IPPROTO_IP, 50, struct.pack("!i", 2)))  # IP_UNICAST_IF
    found.add(outcome(s.setsockopt, socket.IPPROTO_IP, socket.IP_TRANSPARENT, 1))
    found.add(outcome(s.setsockopt, socket.IPPROTO_IPV6, 1, socket.AF_INET))  # IPV6_ADDRFORM
    found.add(outcome(s.setsockopt, socket.IPPROTO_TCP, 19, 1))  # TCP_REPAIR
    found.add(outcome(s.setsockopt, socket.IPPROTO_TCP, 31, b"tls"))  # TCP_ULP
    found.add(outcome(s.setsockopt, socket.IPPROTO_UDP, 100, 1))  # UDP_ENCAP
print(found)

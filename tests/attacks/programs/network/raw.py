# Tries: raw sockets: forged senders, ping
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

print(
    {
        outcome(socket.socket, socket.AF_INET, kind, protocol)
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM)
        for protocol in (socket.IPPROTO_ICMP, socket.IPPROTO_RAW, socket.IPPROTO_IGMP)
    }
)

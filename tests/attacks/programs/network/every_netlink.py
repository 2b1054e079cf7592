# Tries: every protocol of netlink: routes, firewall, audit, crypto, the kernel's own events
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

print(
    {
        outcome(socket.socket, socket.AF_NETLINK, kind, protocol)
        for protocol in range(64)
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM)
    }
)

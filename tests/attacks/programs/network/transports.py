# Tries: transports other than TCP and UDP
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

found = {
    outcome(socket.socket, socket.AF_INET, kind, protocol)
    for kind, protocol in (
        (socket.SOCK_STREAM, 132),  # SCTP
        (socket.SOCK_SEQPACKET, 132),
        (socket.SOCK_STREAM, 262),  # MPTCP
        (6, 33),  # DCCP
        (socket.SOCK_DGRAM, 136),  # UDPLITE
    )
}
print(found)

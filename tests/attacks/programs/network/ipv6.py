# Tries: a socket of the newer protocol, which filters forget
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
print({outcome(socket.socket, socket.AF_INET6, kind) for kind in kinds})

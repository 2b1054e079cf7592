# Tries: pairs of connected sockets of other families than the Pod's own
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

print({outcome(socket.socketpair, family) for family in (2, 10, 30, 38, 40)})

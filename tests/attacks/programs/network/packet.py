# Tries: to see and to make frames on the Pod's interface
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

kinds = (socket.SOCK_RAW, socket.SOCK_DGRAM, 10)  # SOCK_PACKET
print({outcome(socket.socket, socket.AF_PACKET, kind, 0x0300) for kind in kinds})

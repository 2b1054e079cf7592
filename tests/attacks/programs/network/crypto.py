# Tries: the kernel's crypto, which is asked by a socket and has had holes
# Gets: EACCES
# Held by: the filter
import socket

from attack import attempt

attempt(socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET)

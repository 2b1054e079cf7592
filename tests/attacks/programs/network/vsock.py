# Tries: the way from a virtual machine to its host
# Gets: EACCES
# Held by: the filter
import socket

from attack import attempt

attempt(socket.socket, 40, socket.SOCK_STREAM)

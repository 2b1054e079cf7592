# Tries: to listen on loopback, where a later program or another container might call
# Gets: EACCES
# Held by: the filter
import socket

from attack import attempt

attempt(lambda: socket.create_server(("127.0.0.1", 8080)))

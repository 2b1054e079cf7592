# Tries: thousands of sockets, made and closed, bound and not
# Gets: DONE
# Limits: timeoutSeconds=60
import socket

from attack import attempt

for number in range(4000):
    s = socket.socket(type=socket.SOCK_DGRAM if number % 2 else socket.SOCK_STREAM)
    if number % 5 == 0:
        s.bind(("127.0.0.1", 0))
    s.close()
server = socket.create_server(("127.0.0.1", 0))
attempt(socket.create_connection, server.getsockname())

# Tries: to make the supervisor wait for connections that nobody accepts
# Gets: True
import socket
import threading

server = socket.create_server(("127.0.0.1", 0), backlog=1)
for _ in range(20):
    thread = threading.Thread(target=socket.socket().connect, args=(server.getsockname(),))
    thread.daemon = True
    thread.start()
other = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(other.getsockname(), 5)
print(client.getpeername() == other.getsockname(), flush=True)
__import__("os")._exit(0)

# Tries: to listen on every address of the Pod, where another Pod might call
# Gets: 127.0.0.1
# Held by: the filter
import socket

print(socket.create_server(("0.0.0.0", 8080)).getsockname()[0])

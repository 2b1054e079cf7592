python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 8080))
server.accept()[0].sendall(b"pong\n")
' &
until { exec 3<> /dev/tcp/localhost/8080; } 2> /dev/null; do sleep 0.05; done
cat <&3

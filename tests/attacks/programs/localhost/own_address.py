# Tries: to listen on the Pod's own address, where others could call
# Gets: EADDRNOTAVAIL
# Gets: ['127.0.0.1', '127.0.0.1']
import re
import socket

from attack import attempt, read

leaves = re.findall(rb"\|-- ([0-9.]+)\n\s+/32 host LOCAL", read("/proc/net/fib_trie"))
own = next((one.decode() for one in leaves if not one.startswith(b"127.")), "10.99.99.99")
attempt(socket.socket().bind, (own, 0))
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
sockets = [socket.socket(type=kind) for kind in kinds]
for one in sockets:
    one.bind(("0.0.0.0", 0))
print([one.getsockname()[0] for one in sockets])

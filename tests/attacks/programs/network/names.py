# Tries: to look names up, inside the cluster and outside, and to say something by it
# Gets: ['gaierror', 'gaierror', 'gaierror']
import socket

found = []
for name in ("kubernetes.default.svc.cluster.local", "example.org", "secret.example.org."):
    try:
        socket.getaddrinfo(name, 443)
        found.append("DONE")
    except OSError as error:
        found.append(type(error).__name__)
print(found)

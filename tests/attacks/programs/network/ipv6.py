# Tries: the newer protocol, which filters forget
# Gets: {'EACCES'}
# Held by: the filter
import socket

from attack import outcome

found = {outcome(socket.socket, socket.AF_INET6, socket.SOCK_RAW, 58)}
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    try:
        s = socket.socket(socket.AF_INET6, kind)
    except OSError:  # the Pod's loopback interface has no ::1
        continue
    found.add(outcome(s.connect, ("fd00:ec2::254", 80)))
print(found)

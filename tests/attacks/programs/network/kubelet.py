# Tries: to reach the node's kubelet
# Gets: EACCES
# Held by: the filter
import os
import socket

from attack import attempt

host, port = os.environ["KUBELET"].split(":")
attempt(lambda: socket.create_connection((host, int(port)), 5))

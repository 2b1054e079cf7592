# Tries: to reach the API server by its address, for Kubernetes gives every Pod a way to it
# Gets: EACCES
# Held by: the filter
import os
import socket

from attack import attempt

host, port = os.environ["API_SERVER"].split(":")
attempt(lambda: socket.create_connection((host, int(port)), 5))

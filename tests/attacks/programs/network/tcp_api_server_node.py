# Tries: to reach the API server where it really listens, behind its Service
# Gets: EACCES
# Held by: the filter
import os
import socket

from attack import attempt

host, port = os.environ["API_ENDPOINT"].split(":")
attempt(lambda: socket.create_connection((host, int(port)), 5))

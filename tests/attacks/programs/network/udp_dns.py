# Tries: to ask the cluster's DNS over UDP
# Gets: EACCES
# Held by: the filter
import os
import socket

from attack import attempt

host, port = os.environ["CLUSTER_DNS"].split(":")


def ask():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1", (host, int(port)))


attempt(ask)

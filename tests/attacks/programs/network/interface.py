# Tries: to give the Pod's interface another address, by netlink
# Gets: EACCES
import socket
import struct

from attack import attempt


def add_address():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    body = struct.pack("=BBBBI", socket.AF_INET, 8, 0, 0, 1)
    body += struct.pack("=HH4s", 8, 2, bytes([10, 0, 0, 1]))
    s.send(struct.pack("=IHHII", 16 + len(body), 20, 0x405, 1, 0) + body)
    (code,) = struct.unpack_from("=i", s.recv(4096), 16)
    if code:
        raise OSError(-code, "refused")


attempt(add_address)

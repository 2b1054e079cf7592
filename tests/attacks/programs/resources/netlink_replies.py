# Tries: kernel memory that its Pod is not charged for: answers to questions for interfaces, never read
# Gets: {'EACCES'}
import socket
import struct

from attack import outcome

QUESTION = struct.pack("=IHHII", 32, 18, 1, 1, 0) + struct.pack("=BBHiII", 0, 0, 0, 1, 0, 0)
keep = []


def ask():
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    keep.append(asking)
    asking.setblocking(False)
    for _ in range(400):
        asking.send(QUESTION)


print({outcome(ask) for _ in range(300)})

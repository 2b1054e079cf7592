# Tries: kinds and protocols other than TCP and UDP
# Gets: {'EACCES'}
import socket

from attack import outcome

PAIRS = [(1, 132), (1, 262), (2, 1), (2, 136), (3, 1), (3, 255), (4, 0), (5, 132), (6, 33), (10, 0)]
print({outcome(socket.socket, family, *pair) for family in (2, 10) for pair in PAIRS})

# Tries: a call that the kernel makes itself, where an IPv6 socket could be put in its place
# Gets: set()
import os
import socket

from attack import outcome

path = os.path.join(os.environ["TMPDIR"], "unix")
try:
    socket.socket(socket.AF_INET6)
    found = {outcome(socket.socket(socket.AF_UNIX).bind, path)} - {"EACCES"}
except OSError:  # no IPv6
    found = set()
print(found)

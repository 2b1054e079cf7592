# Tries: abstract UNIX sockets, which no file system guards: whoever shares the network has them
# Gets: ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED']
# Gets: 0
import socket

from attack import outcome, read

NAMES = ("/containerd-shim/x", "/run/systemd/journal", "@dbus")
print([outcome(socket.socket(socket.AF_UNIX).connect, "\0" + name) for name in NAMES])
print(len(read("/proc/net/unix").splitlines()) - 1)

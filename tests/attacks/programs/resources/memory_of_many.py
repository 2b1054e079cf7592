# Tries: more memory than it may have, in a hundred processes of which none is large
# Ends: OutOfMemory or Exited 0
# Limits: memory=128Mi disk=50Mi
import os
import signal
import sys
import time

children = []
for _ in range(100):
    child = os.fork()
    if child == 0:
        keep = bytearray(8 << 20)
        for i in range(0, len(keep), 4096):
            keep[i] = 1
        time.sleep(100)
    children.append(child)
# The kernel takes one of them, which may be this one.
_, status = os.wait()
sys.exit(os.WTERMSIG(status) != signal.SIGKILL)

# Tries: more memory than it may have, in a hundred processes of which none is large
# Gets: killed
# Limits: memory=128Mi disk=50Mi
import os
import signal
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
_, status = os.wait()
print("killed" if os.WTERMSIG(status) == signal.SIGKILL else status)

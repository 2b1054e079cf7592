# Tries: more memory than it may have
# Gets: before
# Ends: OutOfMemory
# Limits: memory=128Mi disk=50Mi
import time

print("before", flush=True)
time.sleep(0.2)
keep = bytearray(10**9)
for i in range(0, len(keep), 4096):
    keep[i] = 1
print("never")

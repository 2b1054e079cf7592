# Tries: files without any content, as many as the kernel will keep
# Ends: OutOfMemory or Exited 0
# Limits: memory=128Mi disk=50Mi timeoutSeconds=60
import os

try:
    for number in range(10**7):
        os.close(os.open(str(number), os.O_CREAT))
except OSError:
    pass

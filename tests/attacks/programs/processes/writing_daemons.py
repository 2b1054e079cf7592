# Tries: the same, writing on and on
# Ends: Exited 3
# Bytes: 262144
import os
import time

for _ in range(10):
    if os.fork() == 0:
        os.setsid()
        while True:
            os.write(1, b"x" * 65536)
time.sleep(0.5)
os._exit(3)

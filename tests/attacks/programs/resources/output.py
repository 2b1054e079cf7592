# Tries: output without end
# Ends: DeadlineExceeded
# Bytes: 262144
# Limits: timeoutSeconds=5
import os

block = b"x" * 65536
while True:
    os.write(1, block)

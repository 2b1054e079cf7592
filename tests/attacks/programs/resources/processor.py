# Tries: all the processor there is, by more processes than there are processors
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os

for _ in range(6):
    os.fork()
while True:
    pass

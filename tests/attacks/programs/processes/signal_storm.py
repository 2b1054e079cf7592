# Tries: to keep PID 1 so busy with signals that it misses the deadline
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os

for _ in range(5):
    os.fork()
while True:
    os.kill(1, 17)
    os.kill(1, 15)

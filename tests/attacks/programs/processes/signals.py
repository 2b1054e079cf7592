# Tries: every signal on PID 1, a thousand times
# Gets: still here
# Depends on: user namespaces
import os

for _ in range(1000):
    for number in (*range(1, 32), *range(34, 65)):
        os.kill(1, number)
print("still here")

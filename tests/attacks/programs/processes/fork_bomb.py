# Tries: as many processes as there can be, each making more
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os

while True:
    try:
        os.fork()
    except OSError:
        pass

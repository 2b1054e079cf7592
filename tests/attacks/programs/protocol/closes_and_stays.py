# Tries: the same for ever
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os
import signal

for number in (0, 1, 2):
    os.close(number)
signal.pause()

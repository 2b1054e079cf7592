# Tries: to stop everything that there is, PID 1 with it
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os
import signal

if os.fork() == 0:
    while True:
        os.kill(1, signal.SIGSTOP)
        os.kill(-1, signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)

# Tries: to hang where no end of a process is reported
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)

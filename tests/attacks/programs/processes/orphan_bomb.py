# Tries: processes that fork and end at once, so that whoever looks finds others
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import os

while True:
    try:
        if os.fork():
            os._exit(0) if os.getppid() == 1 and os.getpid() != 2 and os.getsid(0) != os.getpid() else None
        else:
            os.setsid()
    except OSError:
        pass

# Tries: to have its output lost: written, and everything killed at once
# Gets: written
# Ends: Signaled 9
import os
import signal

os.write(1, b"written\n")
os.kill(os.getpid(), signal.SIGKILL)

# Tries: to change the pipe that PID 1 reads from
# Gets: still read
import fcntl
import os

os.set_blocking(1, False)
fcntl.fcntl(1, 1031, 4096)  # F_SETPIPE_SZ
print("still read")

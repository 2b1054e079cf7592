# Tries: to seem killed by the node
# Ends: Signaled 9
import os

os.kill(os.getpid(), 9)

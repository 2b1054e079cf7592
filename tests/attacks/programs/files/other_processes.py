# Tries: to see who else runs on the node
# Gets: True
import os

print(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()) == [1, os.getpid()])

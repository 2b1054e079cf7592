# Tries: to keep the supervisor waiting for a pipe that nobody writes to
# Ends: Exited 0
# Collects: *.txt
import os

os.mkfifo("a.txt")

# Tries: to keep the supervisor waiting for a pipe without a writer
# Ends: Exited 0
# Collects: *.txt
import os

os.mkfifo("a.txt")

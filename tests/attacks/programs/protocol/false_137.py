# Tries: to seem killed for memory
# Ends: Exited 137
import os

os._exit(137)

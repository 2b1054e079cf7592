# Tries: to have its failure searched without end for a reason
# Ends: Exited 1
import sys

almost = "MemoryErrorMemoryError: * No space left on devic\n"
for _ in range(20_000):
    sys.stderr.write(almost)
sys.exit(1)

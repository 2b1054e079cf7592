# Tries: one line that no log keeps whole
# Bytes: 250000
import sys

sys.stdout.write("x" * 250_000)

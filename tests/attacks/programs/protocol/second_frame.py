# Tries: to find more on its input than its own
# Gets: b''
import os

print(os.read(0, 4096))

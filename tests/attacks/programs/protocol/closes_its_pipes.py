# Tries: to be without output, and to go on
# Ends: Exited 5
import os
import time

for number in (0, 1, 2):
    os.close(number)
time.sleep(0.5)
os._exit(5)

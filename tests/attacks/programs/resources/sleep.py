# Tries: to wait longer than it may
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=1
import time

time.sleep(1000)

# Tries: lines without end and with nothing in them, for whatever keeps a log of lines
# Ends: DeadlineExceeded
# Bytes: 262144
# Limits: timeoutSeconds=5
yes ''

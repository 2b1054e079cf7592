# Tries: lines without end and with nothing in them, against a program that stores a log of lines
# Ends: DeadlineExceeded
# Bytes: 262144
# Limits: timeoutSeconds=5
yes ''

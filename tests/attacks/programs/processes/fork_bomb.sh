# Tries: the fork bomb of old, kept alive
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
bomb() { bomb | bomb & }
while :; do bomb; done 2>/dev/null

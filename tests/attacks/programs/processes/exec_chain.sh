# Tries: to be another program at every moment
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
exec bash -c 'exec bash -c "$0" "$0"' 'exec bash -c "$0" "$0"'

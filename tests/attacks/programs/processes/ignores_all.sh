# Tries: to hear no signal
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
for number in {1..64}; do trap '' "$number" 2>/dev/null; done
while :; do :; done

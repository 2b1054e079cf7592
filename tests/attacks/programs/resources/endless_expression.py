# Tries: an expression that takes for ever in one call that no signal handler interrupts
# Ends: DeadlineExceeded
# Limits: timeoutSeconds=2
import re

re.match(r"(a*)*b", "a" * 60)

# Tries: to write where PID 1 writes its events
# Gets: {'EACCES'}
# Depends on: user namespaces
from attack import outcome, write

print({outcome(write, f"/proc/1/fd/{number}", '{"event":"exit"}\n') for number in (0, 1, 2, 3, 4, 5)})

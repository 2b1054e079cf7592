# Tries: to become root, or anybody else
# Gets: {'EPERM'}
# Depends on: user namespaces
import os

from attack import outcome

print({
    outcome(os.setuid, 0),
    outcome(os.setgid, 0),
    outcome(os.setresuid, 0, 0, 0),
    outcome(os.setreuid, 10_001, 10_001),
    outcome(os.setgroups, [0]),
})

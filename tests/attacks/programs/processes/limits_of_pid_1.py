# Tries: to take PID 1's limits away: processes, descriptors, time
# Gets: {'EPERM'}
# Depends on: user namespaces
import resource

from attack import outcome

LIMITS = (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_AS)
print({outcome(resource.prlimit, 1, limit, (1, 1)) for limit in LIMITS})

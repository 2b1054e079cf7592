# Tries: to raise its own limits
# Gets: {'EPERM'}
# Depends on: user namespaces
import resource

from attack import outcome

LIMITS = (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)


def more(limit):
    return resource.getrlimit(limit)[1] + 1


print({outcome(resource.prlimit, 0, limit, (more(limit), more(limit))) for limit in LIMITS})

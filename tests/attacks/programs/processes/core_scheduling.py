# Tries: to keep others' programs from the other half of its processor's core
# Gets: EINVAL
from attack import attempt, call

attempt(call, "prctl", 62, 1, 0, 1, 0)  # PR_SCHED_CORE, PR_SCHED_CORE_CREATE

# Tries: to have PID 1 run after everything else
# Gets: ['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM']
# Depends on: user namespaces
import os

from attack import outcome

print([
    outcome(os.setpriority, os.PRIO_PROCESS, 1, 19),
    outcome(os.setpriority, os.PRIO_USER, 0, 19),
    outcome(os.setpriority, os.PRIO_USER, os.getuid(), 19),
    outcome(os.setpriority, os.PRIO_PGRP, 1, 19),
    outcome(os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0)),
    outcome(os.sched_setaffinity, 1, {0}),
])

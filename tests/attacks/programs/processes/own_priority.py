# Tries: to come before everybody else on the node
# Gets: ['EPERM', 'EPERM', 'EPERM'] or ['EACCES', 'EPERM', 'EPERM']
# Depends on: user namespaces
import os

from attack import outcome

print([
    outcome(os.setpriority, os.PRIO_PROCESS, 0, -5),
    outcome(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
    outcome(os.sched_setscheduler, 0, os.SCHED_RR, os.sched_param(99)),
])

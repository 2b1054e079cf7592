# Tries: to be the last that the kernel kills for memory
# Gets: EACCES
# Depends on: user namespaces
from attack import attempt, write

attempt(write, "/proc/self/oom_score_adj", "-1000")

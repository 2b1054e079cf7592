# Tries: to be the last that the kernel kills for memory
# Gets: EACCES
from attack import attempt, write

attempt(write, "/proc/self/oom_score_adj", "-1000")

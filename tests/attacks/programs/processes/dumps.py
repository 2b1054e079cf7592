# Tries: to fill the node's disk with its own dying memory
# Ends: Signaled 6
# Collects: *core*
import os
import resource

if os.fork() == 0:
    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
os.abort()

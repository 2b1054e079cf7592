# Tries: more processes than its limit
# Gets: EAGAIN True
# Depends on: user namespaces
import os
import signal

from attack import word

children = []
try:
    while True:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError as error:
    print(word(error), len(children) < 512)

# Tries: as many watches of files as there can be
# Gets: EMFILE
# Depends on: user namespaces
import os

from attack import attempt, call, libc


def fill():
    while True:
        call("inotify_init1", 0)


attempt(fill)

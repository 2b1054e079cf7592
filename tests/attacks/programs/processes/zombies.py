# Tries: dead processes that no parent waits for
# Gets: EAGAIN
import os

from attack import word

try:
    while True:
        if os.fork() == 0:
            os._exit(0)
except OSError as error:
    print(word(error))

# Tries: to have the node's disk flushed without pause, etcd's with it
# Gets: [None, 0, 0, 0, 0]
import os
import threading

from attack import libc

NONE = -1  # no file: whoever is not told so has not asked the kernel
CALLS = (
    os.sync,
    lambda: libc.syncfs(NONE),
    lambda: libc.fsync(NONE),
    lambda: libc.fdatasync(NONE),
    lambda: libc.sync_file_range(NONE, 0, 0, 7),
)
answers = []


def flush():
    for _ in range(2000):
        answers.append([call() for call in CALLS])


threads = [threading.Thread(target=flush) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*{str(answer) for answer in answers})

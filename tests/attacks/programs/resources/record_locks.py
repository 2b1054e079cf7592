# Tries: kernel memory that its Pod is not charged for: a hundred thousand locks of one file each
# Gets: less than 4 MiB
# Gets: {'ENOLCK'}
import fcntl
import os
import struct

from attack import outcome

SETTING, WAITING, OF_FILE, WAITING_OF_FILE = 6, 7, 37, 38


def unreclaimable():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("SUnreclaim"))


def lock(fd, command, start):
    fcntl.fcntl(fd, command, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 2 * start, 1, 0))


before = unreclaimable()
files = [os.open(f"f{number}", os.O_RDWR | os.O_CREAT) for number in range(100)]
for fd in files:
    for number in range(1000):
        lock(fd, SETTING, number)
grown = (unreclaimable() - before) // 1024
print("less than 4 MiB" if grown < 4 else f"{grown} MiB")
print({outcome(lock, files[0], command, 0) for command in (WAITING, OF_FILE, WAITING_OF_FILE)})

# Tries: the node's open files, by many processes
# Gets: EMFILE EMFILE
import os

from attack import word

reading, writing = os.pipe()
for _ in range(300):
    if os.fork() == 0:
        try:
            while True:
                os.open("/dev/null", os.O_RDONLY)
        except OSError as error:
            os.write(writing, word(error).encode().ljust(16))
        os.read(reading, 0)
        os._exit(0)
found = {os.read(reading, 16).decode().strip() for _ in range(300)}
print(min(found), max(found))

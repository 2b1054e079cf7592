# Tries: memory that is no process's, in /dev/shm
# Ends: OutOfMemory
with open("/dev/shm/x", "wb", buffering=0) as file:
    while True:
        file.write(bytes(1 << 20))

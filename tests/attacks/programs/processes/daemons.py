# Tries: to live on behind its own end, in sessions of their own, holding its pipes
# Gets: gone
import os
import signal

for _ in range(50):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 32):
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(number, signal.SIG_IGN)
            while True:
                signal.pause()
        os._exit(0)
print("gone")

# Tries: to keep PID 1 busy with files that come back
# Gets: made
# Collects: none/**
import os

for number in range(30_000):
    os.close(os.open(f"f{number}", os.O_CREAT))
print("made")

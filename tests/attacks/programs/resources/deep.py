# Tries: directories within directories, which whoever tidies up must enter
# Gets: made
# Limits: timeoutSeconds=20
import os

for _ in range(20_000):
    os.mkdir("d")
    os.chdir("d")
print("made")

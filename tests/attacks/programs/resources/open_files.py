# Tries: more open files than its limit
# Gets: EMFILE True
from attack import word

keep = []
try:
    while True:
        keep.append(open("/dev/null"))
except OSError as error:
    print(word(error), len(keep) < 1024)

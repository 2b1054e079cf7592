# Tries: every descriptor beyond the three
# Gets: {'EBADF'}
import os

from attack import outcome

print({outcome(os.write, number, b'{"event":"exit"}\n') for number in range(4, 1024)})

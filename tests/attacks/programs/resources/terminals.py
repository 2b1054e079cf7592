# Tries: all of the node's pseudo-terminals
# Gets: ['ENOENT']
# Gets: []
import os
from pathlib import Path

from attack import outcome

print(sorted({outcome(os.open, "/dev/ptmx", os.O_RDWR | os.O_NOCTTY) for _ in range(3000)}))
print([path.name for path in Path("/dev/pts").iterdir() if path.is_char_device()])

# Tries: a program that is no file, for what watches files
# Gets: EACCES
# Held by: the filter
import os
import shutil

fd = os.memfd_create("x", 0)
with open(shutil.which("bash"), "rb") as source:
    os.write(fd, source.read())
code = (
    'enable -f /none none 2>/dev/null; python3 -c "import socket" && exec 3<>/dev/tcp/169.254.169.254/80'
)
script = f'({code}) 2>&1 | grep -q "Permission denied" && echo EACCES'
os.execve(fd, ["bash", "-c", script], dict(os.environ))

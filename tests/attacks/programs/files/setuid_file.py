# Tries: a program that gives its own user to whoever starts it, or root's
# Gets: EPERM
# Gets: True
# Depends on: user namespaces
import os
import shutil
import subprocess

from attack import attempt

shutil.copy("/usr/bin/id", "id")
attempt(os.chown, "id", 0, 0)
os.chmod("id", 0o6755)
print(int(subprocess.check_output(["./id", "-u"])) == os.getuid())

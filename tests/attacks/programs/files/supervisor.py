# Tries: to change the supervisor or Python's own library
# Gets: {'EROFS'} or {'EACCES'} or {'EACCES', 'EROFS'} or {'EROFS', 'EACCES'}
# Depends on: user namespaces
import os

from attack import outcome, write

print({
    outcome(write, path)
    for path in ("/opt/cloche/__main__.py", os.__file__, "/etc/passwd", "/usr/bin/python3")
})

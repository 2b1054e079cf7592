# Tries: to keep a file of the image, or another's, by its own link
# Gets: {'EXDEV'} or {'EPERM'} or {'EPERM', 'EXDEV'} or {'EXDEV', 'EPERM'}
# Depends on: user namespaces
import os

from attack import outcome

print({outcome(os.link, path, "kept") for path in ("/etc/passwd", "/etc/hosts", "/proc/1/status")})

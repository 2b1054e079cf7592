# Tries: the other programs that the kernel starts by name
# Gets: {'EACCES'} or {'EROFS'} or {'ENOENT', 'EROFS'} or {'EROFS', 'ENOENT'} or {'EACCES', 'ENOENT'} or {'ENOENT', 'EACCES'}
# Depends on: user namespaces
from attack import outcome, write

NAMES = ("modprobe", "hotplug", "poweroff_cmd", "usermodehelper/bset")
print({outcome(write, f"/proc/sys/kernel/{name}", "/workspace/x") for name in NAMES})

// Tries: to mount: control groups, /proc, memory, the root once more
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <sys/mount.h>
#include <sys/stat.h>

int main() {
    mkdir("m", 0777);
    tell(mount("none", "m", "cgroup", 0, "memory"));
    tell(mount("none", "m", "proc", 0, nullptr));
    tell(mount("none", "m", "tmpfs", 0, nullptr));
    tell(mount("/", "m", nullptr, MS_BIND | MS_REC, nullptr));
    tell(mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr));
    tell(umount2("/proc/sys", MNT_DETACH));
}

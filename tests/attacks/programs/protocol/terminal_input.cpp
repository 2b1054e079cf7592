// Tries: to type into a terminal
// Gets: ENXIO or ENOENT
// Gets: ENOTTY
// Gets: ENOTTY
#include "attack.h"
#include <fcntl.h>
#include <sys/ioctl.h>

int main() {
    tell(open("/dev/tty", O_RDWR));
    tell(ioctl(0, TIOCSTI, "x"));
    tell(ioctl(1, TIOCSTI, "x"));
}

// Tries: to be notified of every file that is opened
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <sys/fanotify.h>

int main() { tell(fanotify_init(FAN_CLASS_CONTENT, 0)); }

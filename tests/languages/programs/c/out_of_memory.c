#include <stdlib.h>
#include <string.h>

int main(void) {
    const size_t size = 16 * 1024 * 1024;
    volatile char last = 0;
    for (;;) {
        char *block = malloc(size);
        memset(block, 'x', size);
        last = block[size - 1];
    }
    return last;
}

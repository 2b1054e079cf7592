#include <stdio.h>
#include <unistd.h>

int main(void) {
    printf("before\n");
    fflush(stdout);
    for (;;) sleep(1);
}

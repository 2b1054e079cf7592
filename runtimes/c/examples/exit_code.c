#include <stdio.h>

int main(void) {
    fprintf(stderr, "Something is wrong\n");
    return 3;
}

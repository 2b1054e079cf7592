#include <stdio.h>

int main(void) {
    printf("Hello, World!\n%d\n", 2 + 2);
}

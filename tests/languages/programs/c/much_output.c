#include <stdio.h>

int main(void) {
    for (int i = 0; i < 1048575; ++i) putchar('x');
    putchar('\n');
}

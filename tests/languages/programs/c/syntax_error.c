#include <stdio.h>

int main(void) {
    printf("never")
}

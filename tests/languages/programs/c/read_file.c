#include <stdio.h>

int main(void) {
    FILE *file = fopen("data/numbers.txt", "r");
    for (int c; (c = fgetc(file)) != EOF;) putchar(c);
}

#include <stdio.h>

int main(void) {
    char line[200];
    printf("Grüße 🎈\n");
    if (fgets(line, sizeof line, stdin)) printf("%s", line);
}

#include <stdio.h>

int main(void) {
    FILE *file = fopen("out.txt", "w");
    fprintf(file, "written\n");
    fclose(file);
}

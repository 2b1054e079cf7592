#include <assert.h>
#include <stdio.h>

int main(int count, char **values) {
    (void)values;
    printf("before\n");
    fflush(stdout);
    assert(count == 7);
}

// Tries: to have the compiler read without end
// Ends: OutOfMemory or InvalidSyntax or Exited 1 or Exited 4 or DeadlineExceeded
// Limits: memory=256Mi timeoutSeconds=6
#include "/dev/zero"
int main() {}

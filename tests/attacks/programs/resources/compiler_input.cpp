// Tries: to have the compiler read without end
// Ends: OutOfMemory or InvalidSyntax or CompilerFailed or DeadlineExceeded
// Limits: memory=256Mi timeoutSeconds=6
#include "/dev/zero"
int main() {}

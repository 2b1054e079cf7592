// Tries: to have the compiler take the memory
// Ends: OutOfMemory or InvalidSyntax or DeadlineExceeded
// Limits: memory=256Mi timeoutSeconds=15
template <int N, int M> struct X { using a = X<N - 1, M>; using b = X<N - 1, M + (1 << N)>; static constexpr int v = a::v + b::v; };
template <int M> struct X<0, M> { static constexpr int v = M; };
int main() { return X<20, 0>::v; }

// Tries: to have the compiler compute without end
// Ends: DeadlineExceeded
// Limits: timeoutSeconds=6
template <int N> constexpr unsigned long f() {
    unsigned long s = N;
    for (unsigned i = 0; i < 100; i++)
        for (unsigned j = 0; j < 40'000; j++) s = s * 31 + j;
    return s;
}
constexpr unsigned long all[] = {
    f<0>(), f<1>(), f<2>(), f<3>(), f<4>(), f<5>(), f<6>(), f<7>(), f<8>(), f<9>(),
    f<10>(), f<11>(), f<12>(), f<13>(), f<14>(), f<15>(), f<16>(), f<17>(), f<18>(), f<19>(),
};
int main() { return all[0]; }

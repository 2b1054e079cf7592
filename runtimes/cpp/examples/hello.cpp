#include <iostream>

int main() {
    std::cout << "Hello, World!\n" << 2 + 2 << std::endl;
}

#include <iostream>

int main() {
    std::cout << "never"
}

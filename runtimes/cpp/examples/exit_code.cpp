#include <iostream>

int main() {
    std::cerr << "Something is wrong" << std::endl;
    return 3;
}

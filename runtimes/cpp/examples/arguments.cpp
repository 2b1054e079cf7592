#include <iostream>

int main(int count, char** values) {
    for (int i = 1; i < count; ++i) std::cout << "[" << values[i] << "]";
    std::cout << std::endl;
}

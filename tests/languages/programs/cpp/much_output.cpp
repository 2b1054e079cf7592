#include <iostream>
#include <string>

int main() {
    std::cout << std::string(1048575, 'x') << std::endl;
}

#include <iostream>
#include <vector>

int main() {
    std::cout << "before" << std::endl;
    std::cout << std::vector<int>(3).at(7) << std::endl;
}

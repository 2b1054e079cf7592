#include <fstream>
#include <iostream>

int main() {
    std::cout << std::ifstream("data/numbers.txt").rdbuf();
}

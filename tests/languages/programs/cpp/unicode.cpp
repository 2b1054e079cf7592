#include <iostream>
#include <string>

int main() {
    std::cout << "Grüße 🎈" << std::endl;
    std::string line;
    std::getline(std::cin, line);
    std::cout << line << std::endl;
}

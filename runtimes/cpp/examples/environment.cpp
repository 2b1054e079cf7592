#include <cstdlib>
#include <iostream>

int main() {
    std::cout << std::getenv("API_URL") << std::endl;
}

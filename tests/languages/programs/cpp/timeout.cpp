#include <chrono>
#include <iostream>
#include <thread>

int main() {
    std::cout << "before" << std::endl;
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}

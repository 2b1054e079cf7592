#include <fstream>

int main() {
    std::ofstream("out.txt") << "written\n";
}

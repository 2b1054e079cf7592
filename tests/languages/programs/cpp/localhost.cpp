#include <arpa/inet.h>
#include <cstdio>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

int main() {
    int server = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = INADDR_ANY;
    socklen_t size = sizeof address;
    if (bind(server, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(server, 5) != 0) {
        perror("bind");
        return 1;
    }
    getsockname(server, reinterpret_cast<sockaddr *>(&address), &size);
    std::thread serving([server] {
        int peer = accept(server, nullptr, nullptr);
        send(peer, "pong\n", 5, 0);
        close(peer);
    });
    int client = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(client, reinterpret_cast<sockaddr *>(&address), size) != 0) {
        perror("connect");
        return 1;
    }
    char text[8] = {};
    recv(client, text, 5, MSG_WAITALL);
    serving.join();
    fputs(text, stdout);
}

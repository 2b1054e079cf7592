#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void *serve(void *server) {
    int peer = accept(*(int *)server, NULL, NULL);
    send(peer, "pong\n", 5, 0);
    close(peer);
    return NULL;
}

int main(void) {
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    if (bind(server, (struct sockaddr *)&address, size) != 0 || listen(server, 5) != 0) {
        perror("bind");
        return 1;
    }
    getsockname(server, (struct sockaddr *)&address, &size);
    pthread_t serving;
    pthread_create(&serving, NULL, serve, &server);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(client, (struct sockaddr *)&address, size) != 0) {
        perror("connect");
        return 1;
    }
    char text[8] = {0};
    recv(client, text, 5, MSG_WAITALL);
    pthread_join(serving, NULL);
    fputs(text, stdout);
}

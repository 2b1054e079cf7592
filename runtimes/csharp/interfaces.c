/* getifaddrs(3) for Mono, which takes a machine without a list of interfaces for one without IPv4:
 * it then resolves no name and connects to no host name.
 *
 * The filter refuses the netlink socket with which the C library reads the list. This one has the
 * loopback interface, with its IPv4 address and, if /proc/net/if_inet6 names it, its IPv6 address.
 */
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct sockaddr_in address4 = {.sin_family = AF_INET}, mask4 = {.sin_family = AF_INET};
static struct sockaddr_in6 address6 = {.sin6_family = AF_INET6}, mask6 = {.sin6_family = AF_INET6};
static char name[] = "lo";
static struct ifaddrs second = {
    .ifa_name = name,
    .ifa_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING,
    .ifa_addr = (struct sockaddr *)&address6,
    .ifa_netmask = (struct sockaddr *)&mask6,
};
static struct ifaddrs first = {
    .ifa_name = name,
    .ifa_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING,
    .ifa_addr = (struct sockaddr *)&address4,
    .ifa_netmask = (struct sockaddr *)&mask4,
};

static int has_ipv6(void) {
    char text[32];
    int file = open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? 0 : read(file, text, sizeof text);
    if (file >= 0) close(file);
    return size == sizeof text && memcmp(text, "00000000000000000000000000000001", sizeof text) == 0;
}

int getifaddrs(struct ifaddrs **list) {
    address4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    mask4.sin_addr.s_addr = htonl(IN_CLASSA_NET);
    address6.sin6_addr = in6addr_loopback;
    memset(&mask6.sin6_addr, 255, sizeof mask6.sin6_addr);
    first.ifa_next = has_ipv6() ? &second : NULL;
    *list = &first;
    return 0;
}

void freeifaddrs(struct ifaddrs *list) { (void)list; }

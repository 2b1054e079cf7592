# Tries: to turn on what makes a Pod a router
# Gets: refused
{ echo 1 > /proc/sys/net/ipv4/ip_forward; } 2>/dev/null && echo changed || echo refused

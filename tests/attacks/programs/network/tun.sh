# Tries: a network interface that it makes
# Gets: no device
# Gets: refused
[ -e /dev/net/tun ] && echo a device || echo no device
mknod tun c 10 200 2>/dev/null && echo made || echo refused

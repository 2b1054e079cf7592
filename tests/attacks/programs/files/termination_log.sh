# Tries: the one file of a Pod that the kubelet keeps on the node's disk, open to all
# Gets: refused
# Gets: refused
# Depends on: user namespaces
{ head -c 1M /dev/zero > /run/cloche/termination-log; } 2>/dev/null && echo written || echo refused
{ : > /dev/termination-log; } 2>/dev/null && echo written || echo refused

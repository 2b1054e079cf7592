# Tries: the files that the kubelet makes on the node's disk and mounts
# Gets: refused
# Gets: refused
# Gets: refused
# Depends on: user namespaces
for file in /etc/hosts /etc/hostname /etc/resolv.conf; do
    { head -c 1M /dev/zero >> "$file"; } 2>/dev/null && echo written || echo refused
done

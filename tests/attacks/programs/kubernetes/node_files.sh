# Tries: the node's own files
# Gets: none
for place in /var/lib/kubelet /etc/kubernetes /var/lib/cloche /run/cloche/containerd /host /hostfs /rootfs /var/log/pods; do
    [ -e "$place" ] && ls "$place" 2>/dev/null && echo "$place"
done | head -1 | grep . || echo none

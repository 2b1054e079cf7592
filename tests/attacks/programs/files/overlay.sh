# Tries: the directories of the node that the image's layers lie in
# Gets: none
found=none
for place in $(grep -o 'dir=[^,:]*' /proc/mounts | cut -d= -f2) /var/lib/containerd /var/lib/docker; do
    [ -e "$place" ] && found=$place
done
echo "$found"

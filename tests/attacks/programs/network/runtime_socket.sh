# Tries: the sockets of container runtimes and of the node
# Gets: none
found=$(find / -xdev -type s 2>/dev/null)
ls /run/containerd /var/run/docker.sock /run/crio /run/systemd/private >/dev/null 2>&1 && found=runtime
echo "${found:-none}"

# Tries: the cluster's name server in its configuration
# Gets: nameserver 127.0.0.1
cat /etc/resolv.conf

# Tries: to send to the cluster's DNS over UDP with nothing but bash
# Gets: refused
# Held by: the filter
exec 3<>"/dev/udp/${CLUSTER_DNS/://}" && echo reached || echo refused

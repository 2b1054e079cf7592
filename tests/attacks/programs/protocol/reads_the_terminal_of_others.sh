# Tries: the terminals of the node
# Gets: none
ls /dev/pts 2>/dev/null | grep -v ptmx || echo none

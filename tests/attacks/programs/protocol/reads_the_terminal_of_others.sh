# Tries: the terminals of the node
# Gets: none
find /dev/pts -type c | grep . || echo none

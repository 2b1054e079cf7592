# Tries: what another Pod of the node may have left where memory is shared
# Gets: 0
find /dev/shm /dev/mqueue /tmp /workspace -mindepth 1 -not -name '.tmp' -not -name 'main.*' -not -name 'attack.*' 2>/dev/null | wc -l

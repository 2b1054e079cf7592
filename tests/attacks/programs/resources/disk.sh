# Tries: more disk than it may have
# Gets: No space left on device
# Gets: True
# Limits: disk=20Mi
dd if=/dev/zero of=big bs=1M count=100 2>&1 | grep -o 'No space left on device'
[ "$(stat -c %s big)" -le $((20 << 20)) ] && echo True

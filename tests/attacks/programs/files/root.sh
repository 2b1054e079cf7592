# Tries: to change the image's files
# Gets: refused
# Gets: refused
# Gets: refused
# Gets: refused
# Depends on: user namespaces
for place in / /etc /usr/bin /opt/cloche; do
    { : > "$place/x"; } 2>/dev/null && echo written || echo refused
done

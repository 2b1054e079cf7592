# Tries: to read a cloud's metadata with nothing but bash
# Gets: refused
# Held by: the filter
exec 3<>/dev/tcp/169.254.169.254/80 && echo reached || echo refused

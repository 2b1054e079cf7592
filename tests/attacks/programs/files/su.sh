# Tries: to become root with an empty password
# Gets: refused
# Depends on: user namespaces
su -c id </dev/null >/dev/null 2>&1 && echo root || echo refused

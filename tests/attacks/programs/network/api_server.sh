# Tries: to reach the API server with nothing but bash
# Gets: refused
# Held by: the filter
exec 3<>"/dev/tcp/${API_SERVER/://}" && echo reached || echo refused

# Tries: a user that other Pods have too, whose limits it would share
# Gets: 40000 to 49999
[ "$(id -u)" -ge 40000 ] && [ "$(id -u)" -le 49999 ] && [ "$(id -G)" = "$(id -u)" ] && echo 40000 to 49999

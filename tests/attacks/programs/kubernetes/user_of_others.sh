# Tries: a user that other Pods have too, whose limits it would share
# Gets: 10000 to 19999
[ "$(id -u)" -ge 10000 ] && [ "$(id -u)" -le 19999 ] && [ "$(id -G)" = "$(id -u)" ] && echo 10000 to 19999

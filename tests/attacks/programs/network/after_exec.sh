# Tries: a new program, for a filter may be forgotten at exec
# Gets: EACCES
# Held by: the filter
exec setsid --wait sh -c 'exec env -i python3 -c "
import socket, errno
try: socket.create_connection((\"169.254.169.254\", 80), 5)
except OSError as error: print(errno.errorcode[error.errno])
else: print(1)
"'

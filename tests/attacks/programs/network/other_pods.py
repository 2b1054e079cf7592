# Tries: to reach the Pods of gateway, operator and DNS by their own addresses
# Gets: {'EACCES'}
# Held by: the filter
import os
import socket

from attack import outcome

print(
    {
        outcome(lambda: socket.create_connection((address, port), 5))
        for address in os.environ["PODS"].split(",")
        for port in (8002, 8080, 5353)
    }
)

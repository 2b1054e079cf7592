# Tries: to ask Cloche's own gateway, as a client that is near would
# Gets: EACCES
# Held by: the filter
import os
import urllib.request

from attack import word

try:
    urllib.request.urlopen(f"http://{os.environ['GATEWAY']}/health", timeout=5)
    print("DONE")
except OSError as error:
    print(word(error.reason))

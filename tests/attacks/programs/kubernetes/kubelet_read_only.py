# Tries: the kubelet's ports, with and without a certificate
# Gets: {'EACCES'}
import os
import urllib.request

from attack import word

host = os.environ["KUBELET"].split(":")[0]
found = set()
for url in (f"http://{host}:10255/pods", f"http://{os.environ['KUBELET']}/pods", f"http://{host}:2379/"):
    try:
        urllib.request.urlopen(url, timeout=5)
        found.add("DONE")
    except OSError as error:
        found.add(word(error.reason))
print(found)

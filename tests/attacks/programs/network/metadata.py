# Tries: to read a cloud's metadata, where a node's credentials lie
# Gets: {'EACCES'}
# Held by: the filter
import urllib.request

from attack import word

found = set()
for address in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "[fd00:ec2::254]"):
    try:
        urllib.request.urlopen(f"http://{address}/latest/meta-data/", timeout=5)
        found.add("DONE")
    except OSError as error:
        found.add(word(error.reason))
print(found)

# Tries: the API server without credentials, by each name and address that it may have
# Gets: {'EACCES', 'gaierror'} or {'gaierror', 'EACCES'}
import os
import ssl
import urllib.request

from attack import word

found = set()
for place in (os.environ["API_SERVER"], os.environ["API_ENDPOINT"], "kubernetes.default.svc"):
    try:
        urllib.request.urlopen(f"https://{place}/api", timeout=5, context=ssl._create_unverified_context())
        found.add("DONE")
    except OSError as error:
        reason = getattr(error, "reason", error)
        found.add("gaierror" if type(reason).__name__ == "gaierror" else word(reason))
print(found)

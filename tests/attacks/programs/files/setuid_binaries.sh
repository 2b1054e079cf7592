# Tries: programs that give privileges, by a bit or by an attribute
# Gets: 0
# Gets: 0
# Depends on: user namespaces
find / -xdev -perm /6000 -type f 2>/dev/null | wc -l
python3 -c '
import os
found = 0
for top, _, names in os.walk("/usr"):
    for name in names:
        path = os.path.join(top, name)
        try: found += "security.capability" in os.listxattr(path, follow_symlinks=False)
        except OSError: pass
print(found)
'

# Tries: a token of the Pod's service account
# Gets: none
found=$(find / -xdev \( -name token -o -name 'ca.crt' -o -name '*.dockerconfigjson' -o -name kubeconfig \) \
    -not -path '/usr/*' -not -path '/proc/*' 2>/dev/null)
ls -A /var/run/secrets /run/secrets >/dev/null 2>&1 && found=secrets
echo "${found:-none}"

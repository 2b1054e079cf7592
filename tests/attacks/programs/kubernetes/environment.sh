# Tries: all variables: they are few, and known
# Gets: HOME LANG OLDPWD PATH PWD SHLVL TMPDIR _ or HOME LANG PATH PWD SHLVL TMPDIR _
env | cut -d= -f1 | sort | grep -v -E '^(API_SERVER|API_ENDPOINT|CLUSTER_DNS|GATEWAY|KUBELET|PODS)$' | tr '\n' ' ' | sed 's/ $/\n/'

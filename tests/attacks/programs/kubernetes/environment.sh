# Tries: all variables: they are few, and known
# Gets: HOME LANG LOGNAME OLDPWD PATH PWD SHLVL TERM TMPDIR USER _ or HOME LANG LOGNAME PATH PWD SHLVL TERM TMPDIR USER _
env | cut -d= -f1 | sort | grep -v -E '^(API_SERVER|API_ENDPOINT|CLUSTER_DNS|GATEWAY|KUBELET|PODS)$' | tr '\n' ' ' | sed 's/ $/\n/'

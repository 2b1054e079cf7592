# Tries: variables that tell of the cluster, or of the supervisor's own
# Gets: []
import os

OURS = {"API_SERVER", "API_ENDPOINT", "CLUSTER_DNS", "GATEWAY", "KUBELET", "PODS"}
WORDS = ("KUBERNETES", "SERVICE", "CLOCHE", "TOKEN", "HOSTNAME", "POD_")
print([name for name in os.environ if name not in OURS and any(word in name for word in WORDS)])

# Tries: the names of Pod and node
# Gets: sandbox
# Gets: none
hostname
grep -r -l -E 'cloche-sandboxes|sbx-' /etc 2>/dev/null || echo none

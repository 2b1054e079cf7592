# Tries: to raise its own limits, and to leave its control group
# Gets: 0 opened
# Depends on: user namespaces
opened=0
for name in memory.limit_in_bytes memory.max cpu.cfs_quota_us cpu.max pids.max cgroup.procs tasks; do
    while read -r file; do
        { echo -1 > "$file"; } 2>/dev/null && opened=$((opened + 1))
    done < <(find /sys/fs/cgroup -name "$name" 2>/dev/null)
done
echo "$opened opened"

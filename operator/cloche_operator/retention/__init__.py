"""What is stored and for how long: records, tombstones, and sources that are left over."""

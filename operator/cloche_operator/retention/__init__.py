"""What is stored and for how long: the indexes of records and tombstones, and their limits."""

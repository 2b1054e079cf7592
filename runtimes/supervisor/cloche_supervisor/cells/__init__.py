"""Sessions that keep their interpreter: one process that runs cell after cell."""

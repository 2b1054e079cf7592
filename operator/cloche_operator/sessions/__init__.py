"""Sessions: one Pod, many executions, one after the other."""

"""Admission: which executions and sessions may run now."""

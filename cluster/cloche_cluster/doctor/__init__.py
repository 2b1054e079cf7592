"""Check the machine before anything is built: find problems and explain how to fix them.

`facts`, `kernel`, `neighbours` and `needs` observe; `checks` and `disk` are pure functions that
judge the observations; `sizes` determines the disk space that is needed; `sources` queries
the package sources; `examine` combines the checks that a target needs.
"""

"""Looks at the machine before anything is built: what is in the way, and what to do about it.

`facts`, `kernel`, `neighbours` and `needs` observe; `checks` and `disk` judge what was observed and
do nothing else; `sources` asks the package sources; `examine` does what a target needs of all this.
"""

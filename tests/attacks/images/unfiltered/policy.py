"""An empty policy: no system call is refused."""

RULES = ()

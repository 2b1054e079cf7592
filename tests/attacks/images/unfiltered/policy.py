"""Nothing is refused."""

RULES = ()

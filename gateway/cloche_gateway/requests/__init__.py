"""What comes in: parse and validate it, and build the resource for it. Pure."""

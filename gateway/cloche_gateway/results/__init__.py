"""What goes out: the HTTP status and sentence of an outcome, and a resource as JSON. Pure."""

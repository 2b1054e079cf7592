"""The HTTP server: connections, heads, bodies, middleware and error handlers. No use case."""

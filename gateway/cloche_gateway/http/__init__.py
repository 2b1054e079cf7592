"""The HTTP server: connections, heads, middleware, and what all routes share. No use case."""

"""Sockets within the Pod: the supervisor makes them, so that nothing can leave the Pod."""

"""What one client may use: memory, rates, requests at a time, bytes written, pace."""

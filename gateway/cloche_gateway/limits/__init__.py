"""What one client may use: requests per minute and at a time, bytes, and pace."""

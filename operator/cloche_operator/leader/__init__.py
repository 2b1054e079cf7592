"""What a new leader does first, and what the leader does from time to time."""

"""What the leader does by itself: takeover, periodic sweep, removal of old records."""

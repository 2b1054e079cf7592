"""What is stored, for how long, and how much is written."""

"""What both clients share, without input and output: requests, answers, retries, events."""

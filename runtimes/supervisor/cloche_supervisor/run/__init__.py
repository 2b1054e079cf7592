"""One execution: its programs and their output."""

"""Takes the greeting, and ends without a word."""

import sys

HELLO_BYTES = 4

sys.stdin.buffer.read(HELLO_BYTES)
sys.exit(1)

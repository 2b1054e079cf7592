"""Reports an unknown version of the protocol, and waits for its input."""

import sys

HELLO_BYTES = 4

sys.stdin.buffer.read(HELLO_BYTES)
sys.stdout.write('{"seq":0,"event":"ready","protocol":99}\n')
sys.stdout.flush()
sys.stdin.buffer.read()

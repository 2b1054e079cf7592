"""Greets as the protocol says, takes the input, and answers with nonsense."""

import json
import sys

HELLO = b"CLO\x01"
NONSENSE = [
    b"no JSON at all",
    b"\xff\xfe\x00 no UTF-8 either",
    b"[" * 100_000,
    b'{"seq":"one","event":"stdout"}',
    b'{"seq":1,"event":"started","execution":"somebody-else","time":1}',
    b'{"seq":2,"event":"exit","execution":"somebody-else","exit_code":0}',
    b"x" * 6_000_000,
]

assert sys.stdin.buffer.read(len(HELLO)) == HELLO
sys.stdout.write('{"seq":0,"event":"ready","protocol":1}\n')
sys.stdout.flush()
length = int.from_bytes(sys.stdin.buffer.read(4), "big")
uid = json.loads(sys.stdin.buffer.read(length))["execution"]
for line in NONSENSE:
    sys.stdout.buffer.write(line + b"\n")
sys.stdout.write(json.dumps({"seq": 3, "event": "exit", "execution": uid, "exit_code": "0"}) + "\n")
sys.stdout.flush()

import sys

print("Something is wrong", file=sys.stderr)
sys.exit(3)

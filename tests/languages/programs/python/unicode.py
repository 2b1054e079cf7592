import sys

print("Grüße 🎈")
print(sys.stdin.readline().strip())

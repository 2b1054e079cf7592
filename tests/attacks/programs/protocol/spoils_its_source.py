# Tries: to seem invalid, by changing its source before it fails
# Ends: Exited 1
import sys

with open("main.py", "w") as file:
    file.write("def def def")
sys.exit(1)

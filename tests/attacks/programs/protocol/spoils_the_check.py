# Tries: to have the syntax check run another program, or find other modules
# Ends: Exited 1
import os
import sys

for name in ("sitecustomize.py", "usercustomize.py", "ast.py", "codecs.py"):
    with open(name, "w") as file:
        file.write("import os; os.write(1, b'owned'); os._exit(3)")
os.environ["PYTHONSTARTUP"] = "/workspace/ast.py"
sys.exit(1)

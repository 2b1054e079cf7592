# Tries: the same by a directory that is a link
# Ends: Exited 0
# Collects: out/*
import os

os.symlink("/etc", "out")

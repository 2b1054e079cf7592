print("x" * 1048575)

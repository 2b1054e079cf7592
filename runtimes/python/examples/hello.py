print("Hello, World!")
print(2 + 2)

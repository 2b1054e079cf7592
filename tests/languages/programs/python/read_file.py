print(open("data/numbers.txt", encoding="utf-8").read(), end="")

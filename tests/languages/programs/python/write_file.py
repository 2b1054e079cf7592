with open("out.txt", "w", encoding="utf-8") as file:
    file.write("written\n")

print File.read("data/numbers.txt")

cat data/numbers.txt

.mode list
.headers off
CREATE TABLE numbers (word TEXT);
.import data/numbers.txt numbers
SELECT word FROM numbers;

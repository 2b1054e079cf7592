CREATE TABLE numbers (word text);
\copy numbers FROM 'data/numbers.txt'
\pset format unaligned
\pset tuples_only on
SELECT word FROM numbers;

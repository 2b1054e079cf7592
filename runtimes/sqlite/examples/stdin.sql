CREATE TABLE words (word TEXT);
.import /dev/stdin words
SELECT 'Hello, ' || word || '!' FROM words;

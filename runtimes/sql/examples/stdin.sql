CREATE TABLE words (word text);
\copy words FROM pstdin
\pset format unaligned
\pset tuples_only on
SELECT 'Hello, ' || word || '!' FROM words;

CREATE TABLE numbers (value INTEGER);
INSERT INTO numbers VALUES (2), (2);
SELECT 'Hello, World!';
SELECT sum(value) FROM numbers;

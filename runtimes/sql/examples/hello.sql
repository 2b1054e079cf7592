CREATE TABLE numbers (value integer);
INSERT INTO numbers VALUES (2), (2);
SELECT sum(value) AS total FROM numbers;

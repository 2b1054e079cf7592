.output out.txt
SELECT 'written';

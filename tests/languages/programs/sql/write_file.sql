\copy (SELECT 'written') TO 'out.txt'

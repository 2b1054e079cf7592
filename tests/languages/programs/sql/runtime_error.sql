SELECT 'before';
SELECT 1 / 0;

\echo before
SELECT pg_sleep(600);

SELECT length(string_agg(repeat(md5(n::text), 500000), '')) FROM generate_series(1, 60) AS n;

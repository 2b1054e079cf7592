\getenv url API_URL
\echo :url

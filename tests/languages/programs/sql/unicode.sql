SELECT 'Grüße 🎈';

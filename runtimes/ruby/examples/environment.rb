puts ENV.fetch("API_URL")

echo "$API_URL"

echo "Grüße 🎈"
read -r line
echo "$line"

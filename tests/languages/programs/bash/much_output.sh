printf "%1048575s\n" | tr " " x

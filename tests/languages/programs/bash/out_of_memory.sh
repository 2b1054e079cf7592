block="$(printf "%16777216s")"
while true; do blocks+="$block"; done

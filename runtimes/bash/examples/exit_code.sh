echo "Something is wrong" >&2
exit 3

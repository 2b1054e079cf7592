warn "Something is wrong"
exit 3

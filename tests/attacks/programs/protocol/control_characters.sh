# Tries: NUL, line ends that others count as lines, marks that turn text around
# Gets: a\x00b\rc\x0bd\x0ce\u2028f\x85g\u202eh
printf 'a\0b\rc\vd\fe\xe2\x80\xa8f\xc2\x85g\xe2\x80\xaeh\n'

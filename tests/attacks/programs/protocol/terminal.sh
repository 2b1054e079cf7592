# Tries: to speak to the terminal of whoever looks at it: a title, a report, an erased screen
# Gets: \x1b]0;owned\x07\x1b[6n\x1b[2J\x1b[31mred\x9b
printf '\e]0;owned\a\e[6n\e[2J\e[31mred\xc2\x9b\n'

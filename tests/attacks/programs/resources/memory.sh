# Tries: more memory than it may have, with nothing but bash
# Ends: OutOfMemory
# Limits: memory=64Mi disk=10Mi
x=xxxxxxxxxxxxxxxx
while :; do x=$x$x; done

# Tries: to be ready for another program, and to give one in
# Gets: {"seq":3,"event":"ready","protocol":1}
# Gets: {"seq":3,"event":"error","message":"frame: x"}
echo '{"seq":3,"event":"ready","protocol":1}'
echo '{"seq":3,"event":"error","message":"frame: x"}'

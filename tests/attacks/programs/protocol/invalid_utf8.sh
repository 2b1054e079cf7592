# Tries: bytes that are no text, and half of a character at the end
# Gets: \ufffd\ufffd\ufffd|\ufffd\ufffd\ufffd|\xe9|\ufffd
printf '\xff\xfe\x80|\xed\xa0\x80|\xc3\xa9|\xe2\x82'

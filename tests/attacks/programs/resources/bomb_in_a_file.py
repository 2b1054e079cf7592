# Tries: a file that is small until it is unpacked
# Ends: OutOfMemory
# Limits: memory=128Mi disk=50Mi
import zlib

packer = zlib.compressobj(9)
small = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
keep = zlib.decompress(small)

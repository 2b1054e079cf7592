import time

print("before")
while True:
    time.sleep(1)

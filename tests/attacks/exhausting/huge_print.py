# tries: half a gigabyte printed
# place: top

for _ in range(500):
    print("x" * (1 << 20))

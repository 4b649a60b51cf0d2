# tries: a hundred thousand outputs of a letter each, by turns on stdout and stderr
# place: top
# told: graded
import sys

for _ in range(50_000):
    print("o", end="")
    print("e", end="", file=sys.stderr)

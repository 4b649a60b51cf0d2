# tries: an endless loop in a cell
# place: top
# told: timed out

while True:
    pass

# tries: a timestamp.txt of three gigabytes that takes no room until it is copied
# place: notebook
# told: repaired
def damage(notebook, folder):
    with open(folder / "timestamp.txt", "wb") as file:
        file.truncate(3 << 30)

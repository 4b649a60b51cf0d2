# tries: a timestamp.txt that nobody ever writes to, so that its reader waits for ever
# place: notebook
# told: repaired
import os


def damage(notebook, folder):
    os.mkfifo(folder / "timestamp.txt")
